//! The session with the server: tokens in the person's own database, renewed before they expire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::Mutex;
use waystation_model::{Code, Problem};

use super::link::Link;
use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::store::Store;

/// A token that expires within this time is renewed first.
const RENEW_BEFORE_END_MS: i64 = 60_000;
/// Assumed lifetime of a token when the server does not state it.
const ACCESS_LIFE_MS: i64 = 10 * 60 * 1000;

/// A pair of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Authorizes requests until it expires.
    pub access_token: String,
    /// When it expires: server time in milliseconds since 1970.
    pub access_expires_at: i64,
    /// Exchanged for the next pair.
    pub refresh_token: String,
}

/// Reads the tokens; none when there is no session or it was ended.
///
/// # Errors
/// When the database fails.
pub fn load(connection: &Connection) -> Result<Option<Tokens>> {
    let tokens = connection
        .query_row("SELECT access_token, access_expires_at, refresh_token FROM user_sessions WHERE ended = 0", [], |row| {
            Ok(Tokens {
                access_token: row.get("access_token")?,
                access_expires_at: row.get("access_expires_at")?,
                refresh_token: row.get("refresh_token")?,
            })
        })
        .optional()?;
    Ok(tokens)
}

/// Stores the tokens.
///
/// # Errors
/// When the database fails.
pub fn save(connection: &Connection, tokens: &Tokens) -> Result<()> {
    connection.execute(
        "INSERT INTO user_sessions (only_row, access_token, access_expires_at, refresh_token, ended) VALUES (1, ?1, ?2, ?3, 0)
         ON CONFLICT (only_row) DO UPDATE SET access_token = ?1, access_expires_at = ?2, refresh_token = ?3, ended = 0",
        params![tokens.access_token, tokens.access_expires_at, tokens.refresh_token],
    )?;
    Ok(())
}

/// The session with the server.
pub struct Session {
    /// The HTTP client for the server.
    pub link: Link,
    store: Store,
    environment: Environment,
    tokens: Mutex<Option<Tokens>>,
    ended: AtomicBool,
}

impl Session {
    /// The session that this database holds.
    ///
    /// # Errors
    /// When the database fails or the stored server address is invalid.
    pub async fn open(store: Store, environment: Environment) -> Result<Arc<Session>> {
        let (tokens, server) = store.write(|writer| Ok((load(writer.connection())?, writer.device().owner.server.clone()))).await?;
        Ok(Arc::new(Session {
            link: Link::to(&server)?,
            store,
            environment,
            ended: AtomicBool::new(tokens.is_none()),
            tokens: Mutex::new(tokens),
        }))
    }

    /// Whether the person has to sign in again before anything can be sent.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Runs `work` with a valid token, and once more with a renewed one when the server says that it has expired.
    ///
    /// # Errors
    /// Those of `work`; `session_ended` when there is no session any more.
    pub async fn with_token<R, F: Future<Output = Result<R>>>(&self, work: impl Fn(Link, String) -> F) -> Result<R> {
        let token = self.token(None).await?;
        match work(self.link.clone(), token.clone()).await {
            Err(ClientError::Refused(problem)) if problem.code == Code::TokenExpired => {
                let token = self.token(Some(&token)).await?;
                self.end_if_refused(work(self.link.clone(), token).await).await
            }
            result => self.end_if_refused(result).await,
        }
    }

    /// Ends the session when the server refused it.
    async fn end_if_refused<R>(&self, result: Result<R>) -> Result<R> {
        if let Err(ClientError::Refused(Problem { code: Code::SessionEnded | Code::DeviceRevoked | Code::AccountClosed, .. })) = &result {
            self.end().await?;
        }
        result
    }

    /// Continues with other tokens, which are already stored.
    pub async fn replace(&self, tokens: Tokens) {
        *self.tokens.lock().await = Some(tokens);
        self.ended.store(false, Ordering::Relaxed);
    }

    /// Deletes the tokens. The person's data stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end(&self) -> Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        self.tokens.lock().await.take();
        self.store
            .write(|writer| {
                writer.durable_transaction(|connection, _| {
                    connection.execute("UPDATE user_sessions SET ended = 1, access_token = '', refresh_token = ''", [])?;
                    Ok(())
                })
            })
            .await
    }

    /// A valid token; a renewed one when the present one is the `refused` one.
    async fn token(&self, refused: Option<&str>) -> Result<String> {
        let mut tokens = self.tokens.lock().await;
        let Some(present) = tokens.as_ref() else { return Err(ClientError::refused(Code::SessionEnded, "sign in again")) };
        let offset = self.store.device().await?.clock_offset_ms;
        let server_now = self.environment.clock.now_ms() + offset;
        let ending = present.access_expires_at - server_now < RENEW_BEFORE_END_MS;
        let is_good = match refused {
            None => !ending,
            // Another request may have renewed it meanwhile.
            Some(refused) => refused != present.access_token,
        };
        if is_good {
            return Ok(present.access_token.clone());
        }
        let renewed = match self.link.refresh(&present.refresh_token).await {
            Ok(answer) => Tokens {
                access_token: answer.access_token,
                access_expires_at: if answer.access_expires_at == 0 { server_now + ACCESS_LIFE_MS } else { answer.access_expires_at },
                refresh_token: answer.refresh_token,
            },
            Err(error) => {
                drop(tokens);
                let error = match error {
                    // The refresh token itself has expired.
                    ClientError::Refused(problem) if problem.code == Code::TokenExpired => {
                        ClientError::refused(Code::SessionEnded, problem.message)
                    }
                    error => error,
                };
                return self.end_if_refused(Err(error)).await;
            }
        };
        // The old refresh token stays valid until the new one is used, so the new one has to be on the disk first.
        let stored = renewed.clone();
        self.store.write(move |writer| writer.durable_transaction(|connection, _| save(connection, &stored))).await?;
        let access = renewed.access_token.clone();
        *tokens = Some(renewed);
        Ok(access)
    }
}
