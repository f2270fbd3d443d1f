//! `/api/teacher/attendance`: the grid of a group and its cells.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{Datelike, Months, NaiveDate};
use serde_json::Value;
use waystation_model::Problem;

use super::*;

/// The first and the last day of a month that is written `2026-03`.
fn month_of(text: &str) -> Result<(NaiveDate, NaiveDate), Problem> {
    let bad = || Problem::new(Code::BadValue, "a month is written 2026-03").field("month");
    let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok().filter(|day| day.format("%Y-%m").to_string() == text);
    // The library reads negative years too; no attendance is that old.
    let first = first.filter(|day| day.year() > 0).ok_or_else(bad)?;
    let last = first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).ok_or_else(bad)?;
    Ok((first, last))
}

/// Marks of a group in a month, or between two days.
///
/// # Errors
/// As for a list under `/v1/records`.
#[utoipa::path(get, path = "/api/teacher/attendance", security(("access_token" = []), ("personal_token" = [])),
    params(
        ("group_id" = Option<String>, Query, description = "The group. Needed."),
        ("month" = Option<String>, Query, description = "Such as `2026-03`."),
        ("from" = Option<String>, Query, description = "The first day, instead of a month."),
        ("to" = Option<String>, Query, description = "The last day, instead of a month."),
        ("sort" = Option<String>, Query, description = "Up to three columns, separated by commas; `-` before one sorts in descending order."),
        ("after" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Rows of a page; 100 by default."),
    ),
    responses((status = 200, body = crate::records::RecordList), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn attendance_grid(State(app): State<App>, ApiSession(token): ApiSession, pairs: Pairs) -> Result<Json<RecordList>, Failure> {
    parameter(&pairs, "group_id").ok_or_else(|| needed("group_id"))?;
    let day = |column: &str, comparison: &str, value: String| condition(column, comparison, Value::from(value));
    let (mut from, mut to) = (parameter(&pairs, "from"), parameter(&pairs, "to"));
    if let Some(month) = parameter(&pairs, "month") {
        let (first, last) = month_of(&month)?;
        (from, to) = (Some(first.to_string()), Some(last.to_string()));
    }
    let mut conditions = Vec::new();
    conditions.extend(from.map(|from| day("lesson_date", "at_least", from)));
    conditions.extend(to.map(|to| day("lesson_date", "at_most", to)));
    list(&app, token, "attendance_records", parameters(pairs, &[("group_id", "group_id")], &["month", "from", "to"])?, &conditions).await
}

/// Sets one cell: the mark is made, or changed where there is one.
///
/// # Errors
/// As for a write under `/v1/records`.
#[utoipa::path(patch, path = "/api/teacher/attendance", security(("access_token" = []), ("personal_token" = [])),
    request_body(content = crate::records::Record, description = "`group_id`, `student_id`, `lesson_date` and what the cell shall hold: `status`, `note`."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The first mark of this cell."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn change_cell(State(app): State<App>, ApiSession(token): ApiSession, body: Fields) -> Result<Response, Failure> {
    put(&app, token, "attendance_records", read(&app, body)?).await
}

/// Sets one cell: the mark is made, or changed where there is one.
///
/// # Errors
/// As for a write under `/v1/records`.
#[utoipa::path(put, path = "/api/teacher/attendance", security(("access_token" = []), ("personal_token" = [])),
    request_body(content = crate::records::Record, description = "`group_id`, `student_id`, `lesson_date` and what the cell shall hold: `status`, `note`."),
    responses((status = 202, body = crate::records::HeldAnswer, description = "The right was lost; the change waits for a decision."), (status = 201, body = crate::records::Record, description = "The first mark of this cell."), (status = 200, body = crate::records::Record, description = "The row as the person sees it."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn put_cell(State(app): State<App>, ApiSession(token): ApiSession, body: Fields) -> Result<Response, Failure> {
    put(&app, token, "attendance_records", read(&app, body)?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_a_first_and_a_last_day() {
        let days = |text: &str| month_of(text).map(|(first, last)| (first.to_string(), last.to_string())).map_err(|problem| problem.fields);
        assert_eq!(days("2024-02"), Ok(("2024-02-01".to_owned(), "2024-02-29".to_owned())));
        for wrong in ["", "2024", "2024-13", "2024-2", "2024-02-01", "-2024-02", "x"] {
            assert_eq!(days(wrong), Err(vec!["month".to_owned()]), "{wrong}");
        }
    }
}
