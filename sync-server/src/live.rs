//! `GET /v1/sync/live`: pokes as server-sent events. A poke only says that something newer exists.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::broadcast::error::RecvError;
use waystation_model::scope::ScopeKind;
use waystation_model::wire::Poke;
use waystation_model::{Code, Problem};

use crate::access::subscription;
use crate::accounts::Session;
use crate::failure::Failure;
use crate::heads::EVERYTHING;
use crate::state::App;

/// How often an idle stream sends a comment.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often an idle stream checks that its session is still open, in case a notification was lost.
const LOOK_EVERY: Duration = Duration::from_secs(300);

fn concerns_the_session(scope: &str) -> bool {
    scope == EVERYTHING || ScopeKind::parse(scope).is_some_and(|(kind, _)| kind == ScopeKind::User)
}

async fn check_session(app: &App, session: &Session) -> Result<(), Failure> {
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await
}

/// Opens a stream of pokes.
///
/// # Errors
/// `account_closed`, `too_many_streams`, or when the session ended.
#[utoipa::path(get, path = "/v1/sync/live", security(("access_token" = [])), responses((status = 200, description = "Server-sent events, each a Poke.", content_type = "text/event-stream", body = Poke), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn live(State(app): State<App>, session: Session) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let receiver = app
        .heads
        .listen(session.user_id)
        .ok_or_else(|| Problem::new(Code::TooManyStreams, "this person has as many streams open as one may"))?;
    // Heads send pokes only to cached subscriptions. Whether the session is open is checked after that: its end before it would
    // have sent no poke.
    subscription(&app, &session).await?;
    check_session(&app, &session).await?;
    let stopping = app.stopping.clone();
    let pokes = stream::unfold((receiver, app, session), |(mut receiver, app, session)| async move {
        let poke = loop {
            let poke = match tokio::time::timeout(LOOK_EVERY, receiver.recv()).await {
                Ok(Ok(poke)) => Some(poke),
                Ok(Err(RecvError::Lagged(_))) => Some(Poke { scope: EVERYTHING.to_owned(), head: 0 }),
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => None,
            };
            // Everything is poked when the subscription was dropped from the cache. It is cached again before the session is checked,
            // because no poke tells of an end in between.
            let is_everything = poke.as_ref().is_some_and(|poke| poke.scope == EVERYTHING);
            if is_everything && subscription(&app, &session).await.is_err() {
                return None;
            }
            // The end of a session and the revocation of a device move the head of the user's own scope.
            if poke.as_ref().is_none_or(|poke| concerns_the_session(&poke.scope)) && check_session(&app, &session).await.is_err() {
                return None;
            }
            if let Some(poke) = poke {
                break poke;
            }
        };
        let event = Event::default().json_data(&poke).unwrap_or_default();
        Some((Ok(event), (receiver, app, session)))
    });
    // One event at once, so that a laptop knows the stream is open and pulls what it missed before.
    let first = stream::once(async { Ok(Event::default().json_data(Poke { scope: EVERYTHING.to_owned(), head: 0 }).unwrap_or_default()) });
    let events = first.chain(pokes).take_until(stopping.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
