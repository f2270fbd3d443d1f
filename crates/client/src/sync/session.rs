//! The session with the server: tokens in the person's own database, renewed before they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::Mutex;
use waystation_model::{Code, Problem};

use super::link::Link;
use crate::environment::Environment;
use crate::error::{ClientError, Result};
use crate::store::Store;

/// A token this close to its end is renewed first.
const RENEW_BEFORE_END_MS: i64 = 60_000;
/// How long a token is believed to live when the server does not say.
const ACCESS_LIFE_MS: i64 = 10 * 60 * 1000;

/// A pair of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Opens the routes.
    pub access_token: String,
    /// Until when, in the server's milliseconds.
    pub access_expires_at: i64,
    /// Gets the next pair.
    pub refresh_token: String,
}

/// Reads the tokens; none when nobody is signed in or the session was ended.
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
    /// The way to the server.
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
    /// When the database fails or its server's address is not one.
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

    /// Whether somebody has to sign in again before anything can be sent.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Does `work` with a token that is good, renewing it once when the server says that it is not.
    ///
    /// # Errors
    /// Those of `work`; `session_ended` when there is no session any more.
    pub async fn with_token<R, F: Future<Output = Result<R>>>(&self, work: impl Fn(Link, String) -> F) -> Result<R> {
        let token = self.token(None).await?;
        match work(self.link.clone(), token.clone()).await {
            Err(ClientError::Refused(problem)) if problem.code == Code::TokenExpired => {
                let token = self.token(Some(&token)).await?;
                self.noted(work(self.link.clone(), token).await).await
            }
            result => self.noted(result).await,
        }
    }

    /// Marks the session as ended when that is what the server said.
    async fn noted<R>(&self, result: Result<R>) -> Result<R> {
        if let Err(ClientError::Refused(Problem { code: Code::SessionEnded | Code::DeviceRevoked | Code::AccountClosed, .. })) = &result {
            self.end().await?;
        }
        result
    }

    /// Goes on with other tokens, which are stored already.
    pub async fn replace(&self, tokens: Tokens) {
        *self.tokens.lock().await = Some(tokens);
        self.ended.store(false, Ordering::Relaxed);
    }

    /// Forgets the tokens. The work of the person stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end(&self) -> Result<()> {
        self.ended.store(true, Ordering::Relaxed);
        self.tokens.lock().await.take();
        self.store
            .write(|writer| {
                writer.person(|connection, _| {
                    connection.execute("UPDATE user_sessions SET ended = 1, access_token = '', refresh_token = ''", [])?;
                    Ok(())
                })
            })
            .await
    }

    /// A good token; a new one when `refused` is the one that is here.
    async fn token(&self, refused: Option<&str>) -> Result<String> {
        let mut tokens = self.tokens.lock().await;
        let Some(present) = tokens.as_ref() else { return Err(ClientError::refused(Code::SessionEnded, "sign in again")) };
        let offset = self.store.device().await?.clock_offset_ms;
        let server_now = self.environment.clock.now_ms() + offset;
        let ending = present.access_expires_at - server_now < RENEW_BEFORE_END_MS;
        let is_good = match refused {
            None => !ending,
            // Somebody else may have renewed it meanwhile.
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
                    // The refresh token itself is past its time.
                    ClientError::Refused(problem) if problem.code == Code::TokenExpired => {
                        ClientError::refused(Code::SessionEnded, problem.message)
                    }
                    error => error,
                };
                return self.noted(Err(error)).await;
            }
        };
        // The old refresh token stays good until the new one is used: it has to be on the disk first.
        let stored = renewed.clone();
        self.store.write(move |writer| writer.person(|connection, _| save(connection, &stored))).await?;
        let access = renewed.access_token.clone();
        *tokens = Some(renewed);
        Ok(access)
    }
}
