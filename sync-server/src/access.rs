//! What a user hears, computed from memberships and kept in memory until they change.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;
use waystation_model::access::Actor;
use waystation_model::limits::SCOPES_PER_USER_MAX;
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use crate::authority::{Authority, Snapshot};
use crate::failure::Failure;
use crate::heads::{Heads, Subscription};
use crate::state::App;

/// The user's subscription, from memory or from the database.
///
/// # Errors
/// `account_closed` for somebody who may not work here any more.
pub async fn subscription(app: &App, user: Uuid) -> Result<Arc<Subscription>, Failure> {
    subscription_of(&app.pool, &app.heads, user).await
}

/// The user's subscription, from memory or from whoever keeps the rows.
///
/// # Errors
/// `account_closed` for somebody who may not work here any more.
pub async fn subscription_of<A: Authority>(authority: &A, heads: &Heads, user: Uuid) -> Result<Arc<Subscription>, Failure> {
    if let Some(known) = heads.subscription(user) {
        return Ok(known);
    }
    let computed_at = heads.access_changes();
    let mut snapshot = authority.snapshot().await?;
    let account = snapshot.account(user).await?;
    let (organization_id, role) = account.ok_or_else(|| Problem::new(Code::AccountClosed, "the account is closed"))?;
    let mut scopes = snapshot.scopes(user).await?;
    snapshot.end().await?;
    if scopes.len() > SCOPES_PER_USER_MAX {
        tracing::warn!(%user, scopes = scopes.len(), "hears more scopes than the limit; the rest is left out");
    }
    scopes.sort_by_cached_key(|scope| (rank(scope), scope.clone()));
    scopes.dedup();
    scopes.truncate(SCOPES_PER_USER_MAX);
    let actor = Actor { user_id: user, organization_id, role, scopes: scopes.iter().cloned().collect::<HashSet<_>>() };
    Ok(heads.remember(actor, scopes, computed_at))
}

fn rank(scope: &str) -> usize {
    ScopeKind::parse(scope).and_then(|(kind, _)| ScopeKind::ALL.iter().position(|known| *known == kind)).unwrap_or(usize::MAX)
}
