//! The scopes that a user subscribes to, computed from memberships and cached until they change.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;
use waystation_model::access::{Actor, Role, followed_person};
use waystation_model::limits::{FOLLOWS_MAX, SCOPES_PER_USER_MAX};
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use crate::accounts::Session;
use crate::authority::{Authority, Snapshot};
use crate::failure::Failure;
use crate::heads::{Follows, Heads, Subscription, access_scopes, all_access_scopes};
use crate::state::App;

/// How often a read starts again because rights changed between reading the subscription and its snapshot.
pub const RIGHTS_TRIES_MAX: usize = 8;
/// Prefix that marks a role among the stored scopes. No kind of scope has this name.
const ROLE_PREFIX: &str = "role:";

/// The user's subscription, from the cache or from the database.
///
/// # Errors
/// `account_closed` when the account or its organization is closed.
pub async fn subscription(app: &App, session: &Session) -> Result<Arc<Subscription>, Failure> {
    subscription_of(&app.tenant(session.organization_id), &app.heads, session.user_id).await
}

/// As [`subscription`], from any [`Authority`].
///
/// # Errors
/// `account_closed` when the account or its organization is closed.
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
        authority.store_rights(user, &rights, access_heads.iter().map(|head| head.version).sum()).await?;
    }
    scopes.sort_by_cached_key(|scope| (rank(scope), scope.clone()));
    scopes.dedup();
    actor.scopes = scopes.iter().cloned().collect();
    Ok(heads.remember(actor, scopes, rights_at, computed_at))
}

/// Fails when rights have changed between the subscription and this snapshot: another instance or plain SQL may have changed them
/// without notifying this instance.
///
/// # Errors
/// [`Failure::RightsMoved`].
pub async fn check_rights<S: Snapshot>(snapshot: &mut S, subscription: &Subscription) -> Result<(), Failure> {
    let heads = snapshot.heads(&access_scopes(&subscription.actor)).await?;
    let sum: i64 = heads.iter().map(|head| head.version).sum();
    if sum != subscription.rights_at {
        return Err(Failure::RightsMoved);
    }
    // Access scopes are about the reader; a person whom they follow may have been deleted without moving one.
    let followed = followed_people(subscription);
    if followed.is_empty() || snapshot.people(subscription.actor.organization_id, &followed).await?.len() == followed.len() {
        return Ok(());
    }
    Err(Failure::RightsMoved)
}

/// The people whose scopes are followed.
pub fn followed_people(subscription: &Subscription) -> Vec<Uuid> {
    subscription.follows.granted.iter().filter_map(|scope| followed_person(subscription.actor.role, scope)).collect()
}

/// The subscription with what a laptop asks to follow beside it, as far as its person may.
async fn with_follows<A: Authority>(
    authority: &A,
    heads: &Heads,
    own: Arc<Subscription>,
    follows: &[String],
) -> Result<Arc<Subscription>, Failure> {
    if follows.is_empty() {
        return Ok(own);
    }
    if follows.len() > FOLLOWS_MAX {
        let message = format!("{} scopes to follow, and {FOLLOWS_MAX} are the limit", follows.len());
        return Err(Problem::new(Code::TooManyFollows, message).field("follows").into());
    }
    let mut asked = follows.to_vec();
    asked.sort_unstable();
    asked.dedup();
    if let Some(known) = heads.following(&own, &asked) {
        return Ok(known);
    }
    let computed_at = heads.access_changes();
    let Actor { organization_id, role, .. } = own.actor;
    let named: Vec<Uuid> = asked.iter().filter_map(|scope| followed_person(role, scope)).collect();
    let people = if named.is_empty() {
        Vec::new()
    } else {
        let mut snapshot = authority.snapshot().await?;
        let people = snapshot.people(organization_id, &named).await?;
        snapshot.end().await?;
        people
    };
    let beside: Vec<String> = asked.iter().filter(|scope| !own.actor.scopes.contains(*scope)).cloned().collect();
    let (granted, refused): (Vec<String>, Vec<String>) =
        beside.into_iter().partition(|scope| followed_person(role, scope).is_some_and(|person| people.contains(&person)));
    let mut scopes: Vec<String> = own.scopes.iter().chain(&granted).cloned().collect();
    scopes.sort_by_cached_key(|scope| (rank(scope), scope.clone()));
    Ok(heads.remember_following(&own, scopes, Follows { asked, granted, refused }, computed_at))
}

/// The rights as they are stored, sorted, so that equal rights compare as equal: subscribed scopes and the role.
fn rights_of(role: Role, scopes: &[String]) -> Vec<String> {
    let mut rights: Vec<String> = scopes.to_vec();
    rights.push(role_right(role));
    rights.sort_unstable();
    rights.dedup();
    rights
}

/// The text that stands for a role among the stored scopes.
pub fn role_right(role: Role) -> String {
    format!("{ROLE_PREFIX}{}", role.word())
}

/// The role that a stored right stands for; none for a scope.
pub fn right_role(right: &str) -> Option<Role> {
    right.strip_prefix(ROLE_PREFIX).and_then(Role::parse)
}

/// The user's subscription for reading, with what their laptop follows: refused when it has more scopes than one request may name. A truncated subscription would
/// tell the laptop that the other scopes were removed. Pushing needs only the rights and is not refused. Follows have a limit of their
/// own: with too many scopes already, following one more must not end the pull.
///
/// # Errors
/// `too_many_scopes`, `too_many_follows`, and as [`subscription`].
pub async fn readable_subscription(app: &App, session: &Session, follows: &[String]) -> Result<Arc<Subscription>, Failure> {
    readable_subscription_of(&app.tenant(session.organization_id), &app.heads, session.user_id, follows).await
}

/// As [`readable_subscription`], from any [`Authority`].
///
/// # Errors
/// As [`readable_subscription`].
pub async fn readable_subscription_of<A: Authority>(
    authority: &A,
    heads: &Heads,
    user: Uuid,
    follows: &[String],
) -> Result<Arc<Subscription>, Failure> {
    let subscription = subscription_of(authority, heads, user).await?;
    let count = subscription.scopes.len();
    if count > SCOPES_PER_USER_MAX {
        tracing::warn!(%user, count, "the user subscribes to more scopes than the limit");
        return Err(Problem::new(Code::TooManyScopes, format!("{count} scopes, and {SCOPES_PER_USER_MAX} are the limit")).into());
    }
    with_follows(authority, heads, subscription, follows).await
}

fn rank(scope: &str) -> usize {
    ScopeKind::parse(scope).and_then(|(kind, _)| ScopeKind::ALL.iter().position(|known| *known == kind)).unwrap_or(usize::MAX)
}
