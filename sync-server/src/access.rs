//! What a user hears, computed from memberships and kept in memory until they change.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;
use waystation_model::access::{Actor, Role};
use waystation_model::limits::SCOPES_PER_USER_MAX;
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use crate::authority::{Authority, Snapshot};
use crate::failure::Failure;
use crate::heads::{Heads, Subscription, access_scopes, all_access_scopes};
use crate::state::App;

/// How often a read begins anew because rights moved between its subscription and its snapshot.
pub const RIGHTS_TRIES_MAX: usize = 8;
/// Begins the word for a role among remembered scopes. No kind of scope is called so.
const ROLE: &str = "role:";

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
    let mut actor = Actor { user_id: user, organization_id, role, scopes: HashSet::new() };
    let access_heads = snapshot.heads(&all_access_scopes(user, organization_id)).await?;
    let deciding = access_scopes(&actor);
    let rights_at = access_heads.iter().filter(|head| deciding.contains(&head.scope)).map(|head| head.version).sum();
    let known = snapshot.known_rights(user).await?;
    snapshot.end().await?;
    let rights = rights_of(actor.role, &scopes);
    if known.as_ref() != Some(&rights) {
        authority.know_rights(user, &rights, access_heads.iter().map(|head| head.version).sum()).await?;
    }
    scopes.sort_by_cached_key(|scope| (rank(scope), scope.clone()));
    scopes.dedup();
    actor.scopes = scopes.iter().cloned().collect();
    Ok(heads.remember(actor, scopes, rights_at, computed_at))
}

/// Refuses to read with a subscription whose rights have moved by the time of the snapshot: another instance or plain SQL may
/// have changed them without this instance having been told.
///
/// # Errors
/// [`Failure::RightsMoved`].
pub async fn check_rights<S: Snapshot>(snapshot: &mut S, subscription: &Subscription) -> Result<(), Failure> {
    let heads = snapshot.heads(&access_scopes(&subscription.actor)).await?;
    let sum: i64 = heads.iter().map(|head| head.version).sum();
    if sum == subscription.rights_at { Ok(()) } else { Err(Failure::RightsMoved) }
}

/// What is remembered of somebody's rights, in an order that makes the same rights the same: what they hear, and what they are.
fn rights_of(role: Role, scopes: &[String]) -> Vec<String> {
    let mut rights: Vec<String> = scopes.to_vec();
    rights.push(role_right(role));
    rights.sort_unstable();
    rights.dedup();
    rights
}

/// How a role stands among the scopes that are remembered.
pub fn role_right(role: Role) -> String {
    format!("{ROLE}{}", role.word())
}

/// The role that a remembered right stands for; none for a scope.
pub fn right_role(right: &str) -> Option<Role> {
    right.strip_prefix(ROLE).and_then(Role::parse)
}

/// The user's subscription, for whoever wants to hear it: refused when it is larger than a laptop's request may name.
/// A part of it would look as if the rest had been taken away. Pushing needs only the rights, and goes on.
///
/// # Errors
/// `too_many_scopes`, and as [`subscription`].
pub async fn heard(app: &App, user: Uuid) -> Result<Arc<Subscription>, Failure> {
    heard_of(&app.pool, &app.heads, user).await
}

/// As [`heard`], from whoever keeps the rows.
///
/// # Errors
/// As [`heard`].
pub async fn heard_of<A: Authority>(authority: &A, heads: &Heads, user: Uuid) -> Result<Arc<Subscription>, Failure> {
    let subscription = subscription_of(authority, heads, user).await?;
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
