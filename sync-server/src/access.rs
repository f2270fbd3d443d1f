//! What a user hears, computed from memberships and kept in memory until they change.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::limits::SCOPES_PER_USER_MAX;
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use crate::failure::Failure;
use crate::heads::Subscription;
use crate::state::App;

/// The user's subscription, from memory or from the database.
///
/// # Errors
/// `account_closed` for somebody who may not work here any more.
pub async fn subscription(app: &App, user: Uuid) -> Result<Arc<Subscription>, Failure> {
    if let Some(known) = app.heads.subscription(user) {
        return Ok(known);
    }
    let computed_at = app.heads.access_changes();
    let mut transaction = app.pool.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *transaction).await?;
    let account: Option<(Uuid, String)> = sqlx::query_as(
        "SELECT u.organization_id, u.role FROM users u JOIN organizations o ON o.id = u.organization_id \
         WHERE u.id = $1 AND u.status = 'active' AND u.deleted_at IS NULL \
             AND o.deleted_at IS NULL AND o.status NOT IN ('suspended', 'closed')",
    )
    .bind(user)
    .fetch_optional(&mut *transaction)
    .await?;
    let (organization_id, role) = account.ok_or_else(|| Problem::new(Code::AccountClosed, "the account is closed"))?;
    let role = Role::parse(&role).ok_or_else(|| Failure::broken(format!("unknown role {role}")))?;
    let mut scopes: Vec<String> = sqlx::query_scalar(include_str!("sql/subscription.sql")).bind(user).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    scopes.sort_by_cached_key(|scope| (rank(scope), scope.clone()));
    scopes.dedup();
    let actor = Actor { user_id: user, organization_id, role, scopes: scopes.iter().cloned().collect::<HashSet<_>>() };
    Ok(app.heads.remember(actor, scopes, computed_at))
}

/// The user's subscription, for whoever wants to hear it: refused when it is larger than a laptop's request may name.
/// A part of it would look as if the rest had been taken away. Pushing needs only the rights, and goes on.
///
/// # Errors
/// `too_many_scopes`, and as [`subscription`].
pub async fn heard(app: &App, user: Uuid) -> Result<Arc<Subscription>, Failure> {
    let subscription = subscription(app, user).await?;
    let count = subscription.scopes.len();
    if count > SCOPES_PER_USER_MAX {
        tracing::warn!(%user, count, "hears more scopes than the limit");
        return Err(Problem::new(Code::TooManyScopes, format!("{count} scopes, and {SCOPES_PER_USER_MAX} are the limit")).into());
    }
    Ok(subscription)
}

fn rank(scope: &str) -> usize {
    ScopeKind::parse(scope).and_then(|(kind, _)| ScopeKind::ALL.iter().position(|known| *known == kind)).unwrap_or(usize::MAX)
}
