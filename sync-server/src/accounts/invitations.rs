//! Invitations: one-time codes with which people choose a password. Administrators make, list and revoke them; the operator makes the
//! first one of an organization.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::limits::REQUEST_BODY_BYTES_MAX;
use waystation_model::{Code, Problem};

use super::codes::{code_hash, new_code};
use super::session::Session;
use crate::authority::postgres::account_of;
use crate::body::Body;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::run_to_end;

/// Days for which a code works, unless the organization's settings have another number under `invitation_days`.
const DAYS: i32 = 14;
/// The most days that an organization may set.
const DAYS_MAX: i32 = 90;
/// People of one request.
const PEOPLE_MAX: usize = 500;
/// Invitations of one answer.
const LISTED_MAX: i64 = 1_000;

/// `POST /v1/invitations`
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewInvitations {
    /// The people, 1 to 500, all of them or none.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 500)]
    pub people: Vec<Uuid>,
    /// Whether the passwords of those who have one stop working, at once, and their sessions end. Otherwise these people are left out.
    #[serde(default)]
    pub reset_passwords: bool,
}

/// A new invitation. Its code is in this answer only.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeInvitation {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Whom it invites.
    #[schema(value_type = String)]
    pub user_id: Uuid,
    /// Their full name.
    pub full_name: String,
    /// Their user name; null: they choose one.
    pub user_name: Option<String>,
    /// The one-time code, in groups of four characters.
    pub code: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// The answer to `POST /v1/invitations`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeInvitations {
    /// The invitations, in the order of their people.
    pub invitations: Vec<MadeInvitation>,
    /// People who have a password and were left out.
    #[schema(value_type = Vec<String>)]
    pub left_out: Vec<Uuid>,
}

/// An invitation, without its code.
#[derive(Debug, Serialize, Deserialize, FromRow, ToSchema)]
pub struct Invitation {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Whom it invites.
    #[schema(value_type = String)]
    pub user_id: Uuid,
    /// Their full name.
    pub full_name: String,
    /// The name of the administrator who made it; null: the operator of the server, or somebody who was erased.
    pub made_by: Option<String>,
    /// Milliseconds since 1970.
    pub made_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
    /// Milliseconds since 1970; null: not used.
    pub used_at: Option<i64>,
    /// Milliseconds since 1970; null: neither revoked nor replaced.
    pub revoked_at: Option<i64>,
}

/// The organization's invitations.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitations {
    /// The newest first, at most 1,000.
    pub invitations: Vec<Invitation>,
}

/// Whose invitations are wanted.
#[derive(Debug, Deserialize)]
pub struct Whose {
    user_id: Option<Uuid>,
}

/// Refuses everybody but the organization's administrators.
async fn check_administrator(connection: &mut PgConnection, session: &Session) -> Result<(), Failure> {
    session.check_alive(connection).await?;
    match account_of(connection, session.user_id).await? {
        Some((_, Role::Admin)) => Ok(()),
        Some(_) => Err(Problem::new(Code::NotAllowed, "only administrators invite people").into()),
        None => Err(Problem::new(Code::AccountClosed, "the account is closed").into()),
    }
}

/// Makes invitations for people of the organization. A new one replaces an earlier one of the same person.
///
/// # Errors
/// `not_allowed` for everybody but an administrator and for the administrator's own account; `bad_value` for none or too many people,
/// `not_found` with the ids that are no people of the organization, `account_closed` with those whose account is closed.
#[utoipa::path(post, path = "/v1/invitations", security(("access_token" = [])), request_body = NewInvitations, responses((status = 201, body = MadeInvitations), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn make_invitations(
    State(app): State<App>,
    session: Session,
    Body(mut request): Body<NewInvitations, REQUEST_BODY_BYTES_MAX>,
) -> Result<(StatusCode, Json<MadeInvitations>), Failure> {
    let mut seen = std::collections::HashSet::new();
    request.people.retain(|id| seen.insert(*id));
    if request.people.is_empty() || request.people.len() > PEOPLE_MAX {
        return Err(Problem::new(Code::BadValue, format!("1 to {PEOPLE_MAX} people are invited at once")).field("people").into());
    }
    if request.people.contains(&session.user_id) {
        // Its answer could be lost, and then nobody could open the account again.
        return Err(Problem::new(Code::NotAllowed, "change your own password instead").field("people").into());
    }
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        check_administrator(&mut transaction, &session).await?;
        attribute(&mut transaction, session.device_id).await?;
        let invited = Invited { organization: session.organization_id, people: &request.people, reset_passwords: request.reset_passwords };
        let made = make_inside(&mut transaction, &invited, Some(session.user_id)).await?;
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok((StatusCode::CREATED, Json(made)))
    })
    .await
}

/// Says for the audit log from which device the changes of this transaction come.
pub(super) async fn attribute(connection: &mut PgConnection, device: Uuid) -> Result<(), Failure> {
    sqlx::query("SELECT set_config('waystation.device', $1, true)").bind(device.to_string()).execute(connection).await?;
    Ok(())
}

/// Whom to invite.
pub struct Invited<'a> {
    /// Their organization.
    pub organization: Uuid,
    /// The people.
    pub people: &'a [Uuid],
    /// Whether passwords stop working.
    pub reset_passwords: bool,
}

#[derive(FromRow)]
struct Person {
    id: Uuid,
    full_name: String,
    user_name: Option<String>,
    has_password: bool,
    is_closed: bool,
}

/// Makes invitations inside an open transaction. `made_by`: none for the operator.
///
/// # Errors
/// `not_found` or `account_closed` with the ids at fault.
pub async fn make_inside(connection: &mut PgConnection, invited: &Invited<'_>, made_by: Option<Uuid>) -> Result<MadeInvitations, Failure> {
    // Locked in the order of their ids: two administrators may invite the same people at once.
    let mut people: Vec<Person> = sqlx::query_as(
        "SELECT u.id, u.full_name, u.user_name, coalesce(u.password_hash, '') <> '' AS has_password, \
             u.deleted_at IS NOT NULL OR u.status NOT IN ('active', 'pending') AS is_closed \
         FROM users u WHERE u.id = ANY($1) AND u.organization_id = $2 ORDER BY u.id FOR NO KEY UPDATE",
    )
    .bind(invited.people)
    .bind(invited.organization)
    .fetch_all(&mut *connection)
    .await?;
    let place = |id: &Uuid| invited.people.iter().position(|known| known == id);
    let unknown: Vec<&Uuid> = invited.people.iter().filter(|id| !people.iter().any(|person| person.id == **id)).collect();
    refuse(&unknown, Code::NotFound, "there is no such person")?;
    let closed: Vec<&Uuid> = people.iter().filter(|person| person.is_closed).map(|person| &person.id).collect();
    refuse(&closed, Code::AccountClosed, "the account is closed")?;
    people.sort_by_key(|person| place(&person.id));
    let (kept, invited_people): (Vec<Person>, Vec<Person>) =
        people.into_iter().partition(|person| person.has_password && !invited.reset_passwords);
    let ids: Vec<Uuid> = invited_people.iter().map(|person| person.id).collect();
    // A trigger ends the sessions of everybody whose password changes.
    sqlx::query("UPDATE users SET password_hash = NULL WHERE id = ANY($1) AND password_hash IS NOT NULL")
        .bind(&ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE invitations SET revoked_at = now() WHERE user_id = ANY($1) AND used_at IS NULL AND revoked_at IS NULL")
        .bind(&ids)
        .execute(&mut *connection)
        .await?;
    let codes: Vec<String> = ids.iter().map(|_| new_code()).collect();
    let hashes: Vec<Vec<u8>> =
        codes.iter().map(|code| code_hash(code).ok_or_else(|| Failure::broken("a new code is no code"))).collect::<Result<_, _>>()?;
    let numbers: Vec<Uuid> = ids.iter().map(|_| Uuid::now_v7()).collect();
    let expires_at: i64 = store(connection, invited.organization, made_by, (&numbers, &ids, &hashes)).await?;
    let made = invited_people.into_iter().zip(numbers).zip(codes).map(|((person, id), code)| MadeInvitation {
        id,
        user_id: person.id,
        full_name: person.full_name,
        user_name: person.user_name.filter(|name| !name.is_empty()),
        code,
        expires_at,
    });
    Ok(MadeInvitations { invitations: made.collect(), left_out: kept.into_iter().map(|person| person.id).collect() })
}

/// Stores invitations and returns when they expire, in milliseconds since 1970.
async fn store(
    connection: &mut PgConnection,
    organization: Uuid,
    made_by: Option<Uuid>,
    (numbers, people, hashes): (&[Uuid], &[Uuid], &[Vec<u8>]),
) -> Result<i64, Failure> {
    let days: i32 = sqlx::query_scalar(
        "SELECT CASE WHEN jsonb_typeof(o.settings -> 'invitation_days') = 'number' AND (o.settings ->> 'invitation_days')::numeric BETWEEN 1 AND $2 \
             THEN (o.settings ->> 'invitation_days')::numeric::integer ELSE $3 END FROM organizations o WHERE o.id = $1",
    )
    .bind(organization)
    .bind(DAYS_MAX)
    .bind(DAYS)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO invitations (id, organization_id, user_id, made_by, code_hash, made_at, expires_at) \
         SELECT n.id, $1, n.user_id, $2, n.code_hash, now(), now() + make_interval(days => $6) \
         FROM unnest($3::uuid[], $4::uuid[], $5::bytea[]) AS n(id, user_id, code_hash)",
    )
    .bind(organization)
    .bind(made_by)
    .bind(numbers)
    .bind(people)
    .bind(hashes)
    .bind(days)
    .execute(&mut *connection)
    .await?;
    let expires = "SELECT (extract(epoch FROM now() + make_interval(days => $1)) * 1000)::bigint";
    Ok(sqlx::query_scalar(expires).bind(days).fetch_one(connection).await?)
}

fn refuse(ids: &[&Uuid], code: Code, text: &str) -> Result<(), Problem> {
    if ids.is_empty() {
        return Ok(());
    }
    Err(ids.iter().fold(Problem::new(code, text), |problem, id| problem.field(id.to_string())))
}

/// Lists the organization's invitations, or those of one person.
///
/// # Errors
/// `not_allowed` for everybody but an administrator.
#[utoipa::path(get, path = "/v1/invitations", security(("access_token" = [])), params(("user_id" = Option<String>, Query, description = "Only this person's.")), responses((status = 200, body = Invitations), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn list_invitations(
    State(app): State<App>,
    session: Session,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Invitations>, Failure> {
    let Query(whose) = whose.map_err(|_| Problem::new(Code::BadRequest, "user_id cannot be read").field("user_id"))?;
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    check_administrator(&mut transaction, &session).await?;
    let invitations = sqlx::query_as(
        "SELECT i.id, i.user_id, u.full_name, m.full_name AS made_by, (extract(epoch FROM i.made_at) * 1000)::bigint AS made_at, \
             (extract(epoch FROM i.expires_at) * 1000)::bigint AS expires_at, (extract(epoch FROM i.used_at) * 1000)::bigint AS used_at, \
             (extract(epoch FROM i.revoked_at) * 1000)::bigint AS revoked_at \
         FROM invitations i JOIN users u ON u.id = i.user_id LEFT JOIN users m ON m.id = i.made_by \
         WHERE i.organization_id = $1 AND ($2::uuid IS NULL OR i.user_id = $2) ORDER BY i.made_at DESC, i.id DESC LIMIT $3",
    )
    .bind(session.organization_id)
    .bind(whose.user_id)
    .bind(LISTED_MAX)
    .fetch_all(&mut *transaction)
    .await?;
    Ok(Json(Invitations { invitations }))
}

/// Revokes an invitation of the organization. Revoking it again, or one that was used, changes nothing.
///
/// # Errors
/// `not_allowed` for everybody but an administrator, `not_found` for an invitation of another organization.
#[utoipa::path(delete, path = "/v1/invitations/{id}", security(("access_token" = [])), params(("id" = String, Path, description = "The invitation's id.")), responses((status = 204, description = "Its code does not work any more."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn revoke_invitation(
    State(app): State<App>,
    session: Session,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let not_found = || Problem::new(Code::NotFound, "there is no such invitation");
    let Path(id) = id.map_err(|_| not_found())?;
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        check_administrator(&mut transaction, &session).await?;
        let revoked = sqlx::query(
            "UPDATE invitations SET revoked_at = CASE WHEN used_at IS NULL THEN coalesce(revoked_at, now()) END WHERE id = $1 AND organization_id = $2",
        )
        .bind(id)
        .bind(session.organization_id)
        .execute(&mut *transaction)
        .await?;
        if revoked.rows_affected() == 0 {
            return Err(not_found().into());
        }
        transaction.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
