//! A user's role and scopes, as the open transaction sees them, including its own changes.

use sqlx::PgConnection;
use uuid::Uuid;
use waystation_model::access::Role;
use waystation_model::limits::FORMER_RIGHTS_DAYS_MAX;

use crate::access::followed_people;
use crate::accounts::suspended;
use crate::authority::FormerRight;
use crate::failure::Failure;
use crate::heads::{Subscription, access_scopes};
use crate::tenant::Tenant;

/// Organization and role of an open account in an open organization.
///
/// # Errors
/// `organization_suspended`: unlike a closed account, it may open again by itself.
pub async fn account(connection: &mut PgConnection, user: Uuid) -> Result<Option<(Uuid, Role)>, Failure> {
    let account: Option<(Uuid, String, bool)> = sqlx::query_as(
        "SELECT u.organization_id, u.role, o.status = 'suspended' FROM users u JOIN organizations o ON o.id = u.organization_id \
         WHERE u.id = $1 AND u.status = 'active' AND u.deleted_at IS NULL AND o.deleted_at IS NULL AND o.status <> 'closed'",
    )
    .bind(user)
    .fetch_optional(connection)
    .await?;
    match account {
        None => Ok(None),
        Some((_, _, true)) => Err(suspended().into()),
        Some((organization, role, false)) => {
            let role = Role::parse(&role).ok_or_else(|| Failure::broken(format!("unknown role {role}")))?;
            Ok(Some((organization, role)))
        }
    }
}

/// The scopes that a user subscribes to, in any order.
pub async fn scopes(connection: &mut PgConnection, user: Uuid) -> Result<Vec<String>, Failure> {
    Ok(sqlx::query_scalar(include_str!("../../sql/subscription.sql")).bind(user).fetch_all(connection).await?)
}

/// The sum of the heads of these scopes. It grows when any of them moves.
pub async fn heads_sum(connection: &mut PgConnection, scopes: &[String]) -> Result<i64, Failure> {
    let sum = "SELECT coalesce(sum(version), 0)::bigint FROM scope_heads WHERE scope = ANY($1)";
    Ok(sqlx::query_scalar(sum).bind(scopes).fetch_one(connection).await?)
}

/// Fails when the rights have changed since the subscription was read.
///
/// # Errors
/// [`Failure::RightsMoved`].
pub async fn check_rights_now(connection: &mut PgConnection, subscription: &Subscription) -> Result<(), Failure> {
    let sum = heads_sum(connection, &access_scopes(&subscription.actor)).await?;
    if sum != subscription.rights_at {
        return Err(Failure::RightsMoved);
    }
    let followed = followed_people(subscription);
    if followed.is_empty() || people(connection, subscription.actor.organization_id, &followed).await?.len() == followed.len() {
        return Ok(());
    }
    Err(Failure::RightsMoved)
}

/// Those of these people who are in the organization.
pub async fn people(connection: &mut PgConnection, organization: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    let people = "SELECT id FROM users WHERE id = ANY($1) AND organization_id = $2 AND deleted_at IS NULL";
    Ok(sqlx::query_scalar(people).bind(ids).bind(organization).fetch_all(connection).await?)
}

/// The rights that were last stored for a user.
pub async fn known(connection: &mut PgConnection, user: Uuid) -> Result<Option<Vec<String>>, Failure> {
    Ok(sqlx::query_scalar("SELECT scopes FROM known_rights WHERE user_id = $1").bind(user).fetch_optional(connection).await?)
}

/// Stores the scopes that a user subscribes to now, and those that were lost.
pub async fn store(tenant: &Tenant, user: Uuid, scopes: &[String], rights_at: i64) -> Result<(), Failure> {
    let mut transaction = tenant.begin().await?;
    let days = i32::try_from(FORMER_RIGHTS_DAYS_MAX).map_err(Failure::broken)?;
    let store = sqlx::query(include_str!("../../sql/know_rights.sql"));
    store.bind(user).bind(scopes).bind(days).bind(rights_at).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Full name of a person in this organization.
pub async fn name(connection: &mut PgConnection, organization: Uuid, user: Uuid) -> Result<Option<String>, Failure> {
    let name = "SELECT full_name FROM users WHERE id = $1 AND organization_id = $2";
    Ok(sqlx::query_scalar(name).bind(user).bind(organization).fetch_optional(connection).await?)
}

/// The rights last stored for a user, and those lost since, with when the device was told.
pub async fn former(connection: &mut PgConnection, user: Uuid, device: Uuid, since_ms: i64) -> Result<Vec<FormerRight>, Failure> {
    let former: Vec<(String, Option<i64>)> = sqlx::query_as(
        "SELECT unnest(k.scopes), NULL::bigint FROM known_rights k WHERE k.user_id = $1 \
         UNION ALL \
         SELECT f.scope, CASE WHEN d.losses_told_at >= f.lost_at THEN (extract(epoch FROM d.losses_told_at) * 1000000)::bigint END \
         FROM former_rights f JOIN device_states d ON d.device_id = $2 \
         WHERE f.user_id = $1 AND f.lost_at >= to_timestamp($3 / 1000.0)",
    )
    .bind(user)
    .bind(device)
    .bind(since_ms)
    .fetch_all(connection)
    .await?;
    Ok(former.into_iter().map(|(scope, confirmed_us)| FormerRight { scope, confirmed_us }).collect())
}
