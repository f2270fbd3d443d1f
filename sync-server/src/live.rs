//! `GET /v1/sync/live`: pokes as server-sent events. A poke only says that something newer is there.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::broadcast::error::RecvError;
use waystation_model::wire::Poke;

use crate::access::subscription;
use crate::accounts::Session;
use crate::failure::Failure;
use crate::heads::EVERYTHING;
use crate::state::App;

/// How often a quiet stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Opens a stream of pokes.
///
/// # Errors
/// `account_closed`, or when the session ended.
#[utoipa::path(get, path = "/v1/sync/live", security(("access_token" = [])), responses((status = 200, description = "Server-sent events, each a Poke.", content_type = "text/event-stream", body = Poke), (status = 400, description = "Every error has this form; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn live(State(app): State<App>, session: Session) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let mut connection = app.pool.acquire().await?;
    session.check_alive(&mut connection).await?;
    drop(connection);
    let receiver = app.heads.listen(session.user_id);
    // The subscription has to be in memory for its heads to poke anybody.
    subscription(&app, session.user_id).await?;
    let stopping = app.stopping.clone();
    let pokes = stream::unfold((receiver, app, session), |(mut receiver, app, session)| async move {
        let poke = match receiver.recv().await {
            Ok(poke) => poke,
            Err(RecvError::Lagged(_)) => Poke { scope: EVERYTHING.to_owned(), head: 0 },
            Err(RecvError::Closed) => return None,
        };
        if poke.scope == EVERYTHING && subscription(&app, session.user_id).await.is_err() {
            return None;
        }
        let event = Event::default().json_data(&poke).unwrap_or_default();
        Some((Ok(event), (receiver, app, session)))
    });
    // One event at once, so that a laptop knows the stream is open and pulls what it missed before.
    let hello = stream::once(async { Ok(Event::default().json_data(Poke { scope: EVERYTHING.to_owned(), head: 0 }).unwrap_or_default()) });
    let events = hello.chain(pokes).take_until(stopping.cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
