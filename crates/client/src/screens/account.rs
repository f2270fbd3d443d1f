//! The person's own account, and what administrators do with other people's: passwords, sessions and invitations. All of it needs the
//! server: a laptop has neither passwords nor codes of others.

use serde_json::json;
use uuid::Uuid;
use waystation_model::{Code, Problem};

use crate::app::App;
use crate::error::Result;
use crate::sync::accounts::{InvitationsAnswer, InvitationsRequest, PasswordRequest, SessionsAnswer};
use crate::sync::link::Link;
use crate::view_models::*;

const SESSIONS: &str = "v1/accounts/sessions";
const INVITATIONS: &str = "v1/invitations";

fn read_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::new(Code::BadRequest, "not an id").field("id"))
}

impl App {
    /// Asks the server with the session's token.
    async fn ask_server<R, F: Future<Output = Result<R>>>(&self, ask: impl Fn(Link, String) -> F) -> Result<R, Problem> {
        let session = self.unlocked()?.engine.session.clone();
        Ok(session.with_token(ask).await?)
    }

    pub(crate) async fn change_password(&self, arguments: ChangePassword) -> Result<Nothing, Problem> {
        // Held until the key file is written, so that no lock or sign-in comes between it and the server's answer.
        let _gate = self.inner.people_gate.lock().await;
        let unlocked = self.unlocked()?;
        let session = unlocked.engine.session.clone();
        let ChangePassword { old_password, new_password, end_other_sessions } = &arguments;
        session
            .with_token(|link, token| async move {
                let body = PasswordRequest { old_password, new_password, end_other_sessions: *end_other_sessions };
                link.tell(&token, "v1/accounts/password", &body).await
            })
            .await?;
        // A crash here leaves the former password for this laptop's data; a sign-in with the new one opens and rewrites it.
        unlocked.change_password(new_password).await?;
        Ok(Nothing {})
    }

    pub(crate) async fn own_sessions(&self, _arguments: Nothing) -> Result<Vec<OwnSession>, Problem> {
        let answer: SessionsAnswer = self.ask_server(|link, token| async move { link.get(&token, SESSIONS).await }).await?;
        Ok(answer.sessions)
    }

    pub(crate) async fn end_session(&self, arguments: ById) -> Result<Nothing, Problem> {
        let id = read_id(&arguments.id)?;
        self.ask_server(|link, token| async move { link.delete(&token, &format!("{SESSIONS}/{id}")).await }).await?;
        Ok(Nothing {})
    }

    pub(crate) async fn end_other_sessions(&self, _arguments: Nothing) -> Result<Nothing, Problem> {
        self.ask_server(|link, token| async move { link.tell(&token, "v1/accounts/sign-out-others", &json!({})).await }).await?;
        Ok(Nothing {})
    }

    pub(crate) async fn invite(&self, arguments: Invite) -> Result<NewInvitations, Problem> {
        let people: Vec<Uuid> = arguments.people.iter().map(|id| read_id(id)).collect::<Result<_, Problem>>()?;
        let body = &InvitationsRequest { people, reset_passwords: arguments.reset_passwords };
        self.ask_server(|link, token| async move { link.post(&token, INVITATIONS, body).await }).await
    }

    pub(crate) async fn invitations_of(&self, arguments: ById) -> Result<Vec<Invitation>, Problem> {
        let id = read_id(&arguments.id)?;
        let ask = |link: Link, token: String| async move { link.get(&token, &format!("{INVITATIONS}?user_id={id}")).await };
        let answer: InvitationsAnswer = self.ask_server(ask).await?;
        Ok(answer.invitations)
    }

    pub(crate) async fn revoke_invitation(&self, arguments: ById) -> Result<Nothing, Problem> {
        let id = read_id(&arguments.id)?;
        self.ask_server(|link, token| async move { link.delete(&token, &format!("{INVITATIONS}/{id}")).await }).await?;
        Ok(Nothing {})
    }
}
