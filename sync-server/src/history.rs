//! `GET /v1/history/{entity}/{id}`: what happened to one row, from the audit log, the newest first. For administrators.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use sqlx::FromRow;
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::registry;
use waystation_model::wire::{HistoryAnswer, HistoryEntry};
use waystation_model::{Code, Problem};

use crate::accounts::Session;
use crate::authority::postgres::account_of;
use crate::failure::Failure;
use crate::state::App;

/// Entries of one answer.
const ENTRIES_MAX: i64 = 100;

/// Which part of a history is wanted.
#[derive(Debug, Deserialize)]
pub struct Part {
    /// `next` of the answer before.
    before: Option<i64>,
}

#[derive(FromRow)]
struct Stored {
    number: i64,
    at_ms: i64,
    op: String,
    user_id: Option<Uuid>,
    user_name: Option<String>,
    device_id: Option<Uuid>,
    device_name: Option<String>,
    program: String,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
}

/// Answers with up to 100 entries.
///
/// # Errors
/// `not_allowed` for everybody but an administrator, `unknown_entity`; a row that never was has no entries.
#[utoipa::path(get, path = "/v1/history/{entity}/{id}", security(("access_token" = [])), params(("entity" = String, Path, description = "The table."), ("id" = Uuid, Path, description = "The row."), ("before" = Option<i64>, Query, description = "`next` of the answer before.")), responses((status = 200, description = "What happened to the row, the newest first.", body = HistoryAnswer), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn history(
    State(app): State<App>,
    session: Session,
    path: Result<Path<(String, Uuid)>, PathRejection>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<HistoryAnswer>, Failure> {
    let bad = |field: &str| Problem::new(Code::BadRequest, format!("{field} cannot be read")).field(field);
    let Path((name, row)) = path.map_err(|_| bad("id"))?;
    let Query(part) = part.map_err(|_| bad("before"))?;
    let entity = registry::entity(&name)
        .filter(|entity| entity.record.unaudited.is_none())
        .ok_or_else(|| Problem::new(Code::UnknownEntity, format!("no audited table {name}")).field("entity"))?;
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    let (organization, role) =
        account_of(&mut transaction, session.user_id).await?.ok_or_else(|| Problem::new(Code::AccountClosed, "the account is closed"))?;
    if role != Role::Admin {
        return Err(Problem::new(Code::NotAllowed, "the history is for administrators").into());
    }
    let mut stored: Vec<Stored> = sqlx::query_as(
        "SELECT a.number, (extract(epoch FROM a.at) * 1000)::bigint AS at_ms, a.op, a.user_id, u.full_name AS user_name, a.device_id, \
             d.name AS device_name, a.program, a.before, a.after \
         FROM audit_logs a LEFT JOIN users u ON u.id = a.user_id LEFT JOIN devices d ON d.id = a.device_id \
         WHERE a.row_id = $1 AND a.entity = $2 AND a.organization_id = $3 AND ($4::bigint IS NULL OR a.number < $4) \
         ORDER BY a.number DESC LIMIT $5",
    )
    .bind(row)
    .bind(entity.name)
    .bind(organization)
    .bind(part.before)
    .bind(ENTRIES_MAX + 1)
    .fetch_all(&mut *transaction)
    .await?;
    let has_more = stored.len() as i64 > ENTRIES_MAX;
    stored.truncate(ENTRIES_MAX as usize);
    let next = if has_more { stored.last().map(|entry| entry.number) } else { None };
    Ok(Json(HistoryAnswer { entries: stored.into_iter().map(Stored::told).collect(), next }))
}

impl Stored {
    fn told(self) -> HistoryEntry {
        HistoryEntry {
            number: self.number,
            at: self.at_ms,
            op: self.op,
            user_id: self.user_id,
            user_name: self.user_name,
            device_id: self.device_id,
            device_name: self.device_name,
            program: self.program,
            before: self.before,
            after: self.after,
        }
    }
}
