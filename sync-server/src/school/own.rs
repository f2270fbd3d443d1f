//! `/api/student` and `/api/parent`: what people see of themselves and of their children.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use waystation_model::rules::attendance::{Excused, Marks};
use waystation_model::rules::balance::{Payment, balances};

use super::*;

/// Marks of one person.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AttendanceSummary {
    /// There in time.
    pub present: u32,
    /// There, but late.
    pub late: u32,
    /// Not there.
    pub absent: u32,
    /// Not there, with a reason.
    pub excused: u32,
    /// Attended lessons in percent of those that count; null when none counts.
    pub percent: Option<f64>,
}

/// The person's own attendance.
#[derive(Serialize, ToSchema)]
pub struct OwnAttendance {
    /// All marks together.
    pub summary: AttendanceSummary,
    /// The marks, row by row.
    #[schema(value_type = Vec<serde_json::Map<String, serde_json::Value>>)]
    pub rows: Vec<Columns>,
}

/// A balance in one currency.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ChildBalance {
    /// Such as `EUR`.
    pub currency: String,
    /// What was paid, in minor units.
    pub paid_minor: i64,
    /// What is still to be paid, in minor units.
    pub owed_minor: i64,
}

/// One child.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Child {
    /// The child.
    pub student_id: String,
    /// Their name; empty while they are in no group and no course.
    pub full_name: String,
    /// Their attendance.
    pub attendance: AttendanceSummary,
    /// Their balances, by currency.
    pub balances: Vec<ChildBalance>,
}

fn summary(rows: &[Columns], excused: Excused) -> AttendanceSummary {
    let mut marks = Marks::default();
    rows.iter().for_each(|row| marks.add(&text(row, "status"), 1));
    AttendanceSummary {
        present: marks.present,
        late: marks.late,
        absent: marks.absent,
        excused: marks.excused,
        percent: marks.percent_attended(excused),
    }
}

async fn excused(app: &App, token: TokenSession) -> Result<Excused, Failure> {
    let organization = row(app, token, "organizations", token.session.organization_id).await?;
    Ok(Excused::of_settings(organization.as_ref().and_then(|row| row.get("settings")).unwrap_or(&Value::Null)))
}

async fn attendance_of(app: &App, token: TokenSession, student: &str) -> Result<Vec<Columns>, Failure> {
    all(app, token, "attendance_records", &[condition("student_id", "is", json!(student))], None).await
}

/// The person's own marks.
///
/// # Errors
/// What concerns the token.
#[utoipa::path(get, path = "/api/student/attendance", security(("access_token" = []), ("personal_token" = [])),
    responses((status = 200, body = OwnAttendance), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn own_attendance(State(app): State<App>, ApiSession(token): ApiSession) -> Result<Json<OwnAttendance>, Failure> {
    let rows = attendance_of(&app, token, &token.session.user_id.to_string()).await?;
    Ok(Json(OwnAttendance { summary: summary(&rows, excused(&app, token).await?), rows }))
}

/// The person's children, each with attendance and balance.
///
/// # Errors
/// What concerns the token.
#[utoipa::path(get, path = "/api/parent/children", security(("access_token" = []), ("personal_token" = [])),
    responses((status = 200, body = Vec<Child>), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn children(State(app): State<App>, ApiSession(token): ApiSession) -> Result<Json<Vec<Child>>, Failure> {
    let excused = excused(&app, token).await?;
    let mut children = Vec::new();
    for link in
        all(&app, token, "guardian_links", &[condition("parent_id", "is", json!(token.session.user_id))], Some(&["student_id"])).await?
    {
        let student = text(&link, "student_id");
        let of = [condition("student_id", "is", json!(student))];
        let payments = all(&app, token, "payments", &of, Some(&["currency", "amount_minor", "status", "deleted_at"]))
            .await?
            .into_iter()
            .map(|row| Payment {
                currency: text(&row, "currency"),
                amount_minor: row.get("amount_minor").and_then(Value::as_i64).unwrap_or(0),
                status: text(&row, "status"),
                is_deleted: row.get("deleted_at").is_some_and(|at| !at.is_null()),
            });
        let balances = balances(payments);
        children.push(Child {
            full_name: name_of(&app, token, &student).await?,
            attendance: summary(&attendance_of(&app, token, &student).await?, excused),
            balances: balances
                .into_iter()
                .map(|(currency, balance)| ChildBalance { currency, paid_minor: balance.paid_minor, owed_minor: balance.owed_minor })
                .collect(),
            student_id: student,
        });
    }
    Ok(Json(children))
}

/// A child's name, from the rows that repeat it: parents are not sent accounts.
async fn name_of(app: &App, token: TokenSession, student: &str) -> Result<String, Failure> {
    for table in ["group_memberships", "enrollments"] {
        let named = all(app, token, table, &[condition("user_id", "is", json!(student))], Some(&["display_name"])).await?;
        if let Some(name) = named.iter().map(|row| text(row, "display_name")).find(|name| !name.is_empty()) {
            return Ok(name);
        }
    }
    Ok(String::new())
}
