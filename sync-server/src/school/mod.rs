//! `/api`: the addresses that the front ends of schools ask. Each is a name for a list or a write under `/v1/records`, with the
//! parameters that those front ends send. There is no rule of its own here about who may see or write what: a person sees the rows
//! that their laptop is sent.

mod assessments;
mod attendance;
mod coding;
mod groups;
mod import;
mod own;
mod payments;
mod session;
mod students;

pub use assessments::*;
pub use attendance::*;
pub use coding::*;
pub use groups::*;
pub use import::*;
pub use own::*;
pub use payments::*;
pub use session::*;
pub use students::*;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::response::Response;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::limits::ROW_BYTES_MAX;
use waystation_model::merge::read_fields;
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use crate::accounts::TokenSession;
use crate::body::RawBody;
use crate::failure::Failure;
use crate::records::{self, Expected, ListQuery, RecordList};
use crate::state::App;

/// Bytes of a body: a row of the largest size, with room for escapes.
const BODY_BYTES_MAX: usize = 2 * ROW_BYTES_MAX;
/// Pages that are read for a summary. Beyond it the summary would be wrong, so it is refused.
const SUMMARY_PAGES_MAX: usize = 200;

/// The body of a write: columns and values.
pub(crate) type Fields = RawBody<BODY_BYTES_MAX>;
/// The parameters of a list.
pub(crate) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;
/// The id in a path.
pub(crate) type IdPath = Result<Path<String>, PathRejection>;

/// Columns and values of a write.
type Columns = Map<String, Value>;

fn table(name: &str) -> Result<&'static Entity, Problem> {
    records::table(name)
}

fn id_of(path: IdPath) -> Result<Uuid, Problem> {
    path.ok().and_then(|Path(id)| Uuid::parse_str(&id).ok()).ok_or_else(records::not_found)
}

/// A list's parameters. `names` are those that stand for a column, `given` those that the caller has read itself.
fn parameters(pairs: Pairs, names: &[(&str, &str)], given: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let Query(pairs) = pairs.map_err(|error| Problem::new(Code::BadRequest, error.body_text()))?;
    let mut read = Vec::with_capacity(pairs.len());
    for (name, text) in pairs {
        if let Some((_, column)) = names.iter().find(|(known, _)| *known == name) {
            read.push(((*column).to_owned(), text));
        } else if ["after", "limit", "sort"].contains(&name.as_str()) {
            read.push((name, text));
        } else if !given.contains(&name.as_str()) {
            return Err(Problem::new(Code::BadRequest, format!("there is no parameter {name}")).field(name));
        }
    }
    Ok(read)
}

/// The value of a parameter that stands for no column; none when it is missing.
fn parameter(pairs: &Pairs, name: &str) -> Option<String> {
    let Query(pairs) = pairs.as_ref().ok()?;
    pairs.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
}

/// The missing parameter.
fn needed(name: &str) -> Problem {
    Problem::new(Code::MissingValue, format!("{name} is needed")).field(name)
}

fn condition(column: &str, comparison: &str, value: Value) -> Value {
    json!({"column": column, "comparison": comparison, "value": value})
}

/// A page of a list, with conditions that the address stands for.
async fn list(
    app: &App,
    token: TokenSession,
    name: &str,
    mut pairs: Vec<(String, String)>,
    conditions: &[Value],
) -> Result<Json<RecordList>, Failure> {
    let entity = table(name)?;
    if !conditions.is_empty() {
        pairs.push(("filter".to_owned(), json!(conditions).to_string()));
    }
    Ok(Json(records::list(app, token, entity, &ListQuery::read(entity, &pairs)?).await?))
}

/// Every row of a list, for a summary. It holds all of them at once, so that of tables with large values it names the `columns` it reads.
async fn all(app: &App, token: TokenSession, name: &str, conditions: &[Value], columns: Option<&[&str]>) -> Result<Vec<Columns>, Failure> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..SUMMARY_PAGES_MAX {
        let mut pairs = vec![("limit".to_owned(), "500".to_owned())];
        pairs.extend(after.take().map(|cursor| ("after".to_owned(), cursor)));
        let Json(page) = list(app, token, name, pairs, conditions).await?;
        for row in &page.rows {
            let mut row: Columns = serde_json::from_str(row.get()).map_err(Failure::broken)?;
            row.retain(|name, _| columns.is_none_or(|columns| columns.contains(&name.as_str())));
            rows.push(row);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(rows),
        }
    }
    Err(Problem::new(Code::BadRequest, "there are too many rows for a summary").into())
}

fn text(row: &Columns, name: &str) -> String {
    row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One row as the person sees it.
async fn row(app: &App, token: TokenSession, name: &str, id: Uuid) -> Result<Option<Columns>, Failure> {
    let found = records::visible_row(app, token, table(name)?, id).await?;
    found.map(|row| serde_json::from_str(row.json.get()).map_err(Failure::broken)).transpose()
}

fn read(app: &App, body: Fields) -> Result<Columns, Problem> {
    body.read(app.protocols)
}

async fn make(app: &App, token: TokenSession, name: &str, fields: Columns) -> Result<Response, Failure> {
    token.check_writes()?;
    let permit = app.tenant_queues.take(token.session.organization_id).await?;
    records::make(app, token, permit, table(name)?, fields, None).await
}

async fn change(app: &App, token: TokenSession, name: &str, id: Uuid, fields: Columns) -> Result<Response, Failure> {
    token.check_writes()?;
    let permit = app.tenant_queues.take(token.session.organization_id).await?;
    records::change(app, token, permit, table(name)?, (id, Expected::Any), fields).await
}

/// Makes the row with this key, or changes it when the person sees that it exists. `fields` has the key's columns too.
async fn put(app: &App, token: TokenSession, name: &str, fields: Columns) -> Result<Response, Failure> {
    let entity = table(name)?;
    let (columns, values): (Vec<String>, Vec<Value>) = fields.clone().into_iter().unzip();
    let id = entity.id_of_fields(&read_fields(entity, &columns, &values)?);
    match id {
        Some(id) if row(app, token, name, id).await?.is_some() => change(app, token, name, id, fields).await,
        _ => make(app, token, name, fields).await,
    }
}

/// Marks a row as deleted, so that it can be restored.
async fn mark_deleted(app: &App, token: TokenSession, name: &str, id: Uuid) -> Result<Response, Failure> {
    let fields = Columns::from_iter([("deleted_at".to_owned(), json!(app.now_ms()))]);
    change(app, token, name, id, fields).await
}

async fn delete(app: &App, token: TokenSession, name: &str, id: Uuid) -> Result<Response, Failure> {
    token.check_writes()?;
    let permit = app.tenant_queues.take(token.session.organization_id).await?;
    records::delete(app, token, permit, table(name)?, (id, Expected::Any)).await
}
