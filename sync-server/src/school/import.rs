//! `/api/teacher/bulk-import/users` and `/api/teacher/coding/import`: many rows in one request, each made by itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use waystation_model::registry::{Entity, Kind};

use super::*;

/// Rows of one import.
const ROWS_MAX: usize = 1_000;
/// Tasks and cases of one request.
const WRITES_MAX: usize = 5_000;
/// Test cases of one coding task.
const CASES_MAX: usize = 200;
/// Bytes of an import.
const IMPORT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of the answer about one row.
const ANSWER_BYTES_MAX: usize = 4 * ROW_BYTES_MAX;

/// `POST /api/teacher/bulk-import/users`
#[derive(Debug, Deserialize, ToSchema)]
pub struct UsersCsv {
    /// A CSV file with a header of column names, such as `user_name,full_name,role`.
    pub csv: String,
}

/// `POST /api/teacher/coding/import`
#[derive(Debug, Deserialize, ToSchema)]
pub struct TasksGiven {
    /// At most 1,000 tasks.
    pub tasks: Vec<TaskGiven>,
}

/// One task of an import.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TaskGiven {
    /// Columns of `coding_tasks` and their values.
    #[schema(value_type = serde_json::Map<String, serde_json::Value>)]
    #[serde(flatten)]
    pub columns: Columns,
    /// Columns of `coding_test_cases` and their values, at most 200 cases.
    #[schema(value_type = Vec<serde_json::Map<String, serde_json::Value>>)]
    #[serde(default)]
    pub test_cases: Vec<Columns>,
}

/// What became of one row.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportedRow {
    /// From 1, without the header.
    pub row: usize,
    /// The new row; null when it was refused.
    pub id: Option<String>,
    /// Why it was refused.
    pub problem: Option<Problem>,
}

/// What became of an import.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// How many rows were made.
    pub made: usize,
    /// Each row, in order.
    pub rows: Vec<ImportedRow>,
}

impl Imported {
    fn of(results: Vec<(Option<String>, Option<Problem>)>) -> Imported {
        let made = results.iter().filter(|(id, _)| id.is_some()).count();
        let rows = results.into_iter().zip(1..).map(|((id, problem), row)| ImportedRow { row, id, problem });
        Imported { made, rows: rows.collect() }
    }
}

/// Makes a row. A refusal is an answer about this row alone.
async fn made(app: &App, token: TokenSession, name: &str, fields: Columns) -> Result<Result<String, Problem>, Failure> {
    let answer = match make(app, token, name, fields).await {
        Ok(answer) => answer,
        // Also when it may be tried again: the rows before it are made, and the caller has to learn which.
        Err(Failure::Problem(problem)) => return Ok(Err(problem)),
        Err(failure) => return Err(failure),
    };
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.map_err(Failure::broken)?;
    if status == StatusCode::ACCEPTED {
        return Ok(Err(Problem::new(Code::NotAllowed, "the right was lost; the row waits for a decision")));
    }
    if !status.is_success() {
        return Ok(Err(serde_json::from_slice(&body).map_err(Failure::broken)?));
    }
    let row: Columns = serde_json::from_slice(&body).map_err(Failure::broken)?;
    Ok(Ok(text(&row, "id")))
}

/// The cells of a CSV row as values of the table's columns. An empty cell is left out.
fn columns_of(entity: &Entity, header: &csv::StringRecord, record: &csv::StringRecord) -> Result<Columns, Problem> {
    let mut columns = Columns::new();
    for (name, cell) in header.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        let is_text = entity
            .column(name)
            .is_none_or(|column| !matches!(column.kind, Kind::Bool | Kind::Int | Kind::Float | Kind::Timestamp | Kind::Json));
        let value = if is_text {
            json!(cell)
        } else {
            serde_json::from_str(cell).map_err(|_| Problem::new(Code::BadValue, format!("{name}: is no such value")).field(name))?
        };
        columns.insert(name.to_owned(), value);
    }
    Ok(columns)
}

/// Makes accounts from a CSV file. Each row is made or refused by itself, so that the rest of a file with one bad cell is not lost.
///
/// # Errors
/// `bad_request` with its field for what is no CSV file, and what concerns the token.
#[utoipa::path(post, path = "/api/teacher/bulk-import/users", security(("access_token" = []), ("personal_token" = [])), request_body = UsersCsv,
    responses((status = 200, body = Imported), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn import_users(
    State(app): State<App>,
    ApiSession(token): ApiSession,
    body: RawBody<IMPORT_BYTES_MAX>,
) -> Result<Json<Imported>, Failure> {
    token.check_writes()?;
    let UsersCsv { csv } = body.read(app.protocols)?;
    let entity = table("users")?;
    let bad = |why: String| Problem::new(Code::BadRequest, why).field("csv");
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(|error| bad(error.to_string()))?.clone();
    let records: Vec<csv::StringRecord> =
        reader.records().take(ROWS_MAX + 1).collect::<Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    if records.is_empty() || records.len() > ROWS_MAX {
        return Err(bad(format!("the file has 1 to {ROWS_MAX} rows below its header")).into());
    }
    let mut results = Vec::with_capacity(records.len());
    for record in &records {
        let result = match columns_of(entity, &header, record) {
            Ok(columns) => made(&app, token, entity.name, columns).await?,
            Err(problem) => Err(problem),
        };
        results.push((result.as_ref().ok().cloned(), result.err()));
    }
    Ok(Json(Imported::of(results)))
}

/// Makes coding tasks with their test cases. Each task is made or refused by itself; a refused test case is the task's problem, and the
/// task stays with the cases before it.
///
/// # Errors
/// `bad_request` with its field, and what concerns the token.
#[utoipa::path(post, path = "/api/teacher/coding/import", security(("access_token" = []), ("personal_token" = [])), request_body = TasksGiven,
    responses((status = 200, body = Imported), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn import_tasks(
    State(app): State<App>,
    ApiSession(token): ApiSession,
    body: RawBody<IMPORT_BYTES_MAX>,
) -> Result<Json<Imported>, Failure> {
    token.check_writes()?;
    let TasksGiven { tasks } = body.read(app.protocols)?;
    if tasks.is_empty() || tasks.len() > ROWS_MAX {
        return Err(Problem::new(Code::BadRequest, format!("1 to {ROWS_MAX} tasks")).field("tasks").into());
    }
    if tasks.iter().map(|task| 1 + task.test_cases.len()).sum::<usize>() > WRITES_MAX {
        return Err(Problem::new(Code::BadRequest, format!("at most {WRITES_MAX} tasks and cases together")).field("tasks").into());
    }
    if tasks.iter().any(|task| task.test_cases.len() > CASES_MAX) {
        return Err(Problem::new(Code::BadRequest, format!("at most {CASES_MAX} cases of a task")).field("test_cases").into());
    }
    let mut results = Vec::with_capacity(tasks.len());
    for TaskGiven { columns, test_cases } in tasks {
        let task = match made(&app, token, "coding_tasks", columns).await? {
            Ok(task) => task,
            Err(problem) => {
                results.push((None, Some(problem)));
                continue;
            }
        };
        let mut refused = None;
        for mut case in test_cases {
            case.insert("coding_task_id".to_owned(), json!(task));
            refused = made(&app, token, "coding_test_cases", case).await?.err();
            if refused.is_some() {
                break;
            }
        }
        results.push((Some(task), refused));
    }
    Ok(Json(Imported::of(results)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_values_of_their_columns() {
        let users = table("users").expect("a listed table");
        let record = |cells: &[&str]| csv::StringRecord::from(cells.to_vec());
        let header = record(&["user_name", "email_verified", "phone", "nonsense"]);
        let columns = columns_of(users, &header, &record(&["aysel", "true", "", "x"])).expect("good cells");
        assert_eq!(Value::from(columns), json!({"user_name": "aysel", "email_verified": true, "nonsense": "x"}));
        let bad = columns_of(users, &header, &record(&["aysel", "maybe", "", ""])).expect_err("no truth value");
        assert_eq!((bad.code, bad.fields), (Code::BadValue, vec!["email_verified".to_owned()]));
    }
}
