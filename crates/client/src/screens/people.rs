//! People on this laptop: the start screen, unlocking, locking, and the person's own profile.

use std::sync::Arc;

use rusqlite::OptionalExtension;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::{Code, Problem, registry};

use crate::app::App;
use crate::error::{ClientError, Result};
use crate::keys::{self, Keys};
use crate::people::Resident;
use crate::store::{Edit, Writer};
use crate::unlocked::{Opened, STORE_FILE, Unlocked, take_lock};
use crate::view_models::*;

/// Allowed zoom of the window, in percent.
const ZOOM_PERCENT: std::ops::RangeInclusive<u16> = 50..=300;
/// Languages of the screens; empty is the system's.
const LANGUAGES: [&str; 4] = ["", "en", "ru", "az"];

impl App {
    pub(crate) async fn start(&self, _arguments: Nothing) -> Result<Start, Problem> {
        let secrets = self.inner.environment.secrets.clone();
        let keyring = *self.inner.keyring.get_or_init(|| keys::is_keyring_available(secrets)).await;
        let people = self.inner.people.all();
        let server = people.first().map(|person| person.server.clone());
        Ok(Start {
            unlocked: self.unlocked().ok().map(|unlocked| unlocked.person()),
            server: if self.inner.config.default_server.is_empty() {
                server.unwrap_or_default()
            } else {
                self.inner.config.default_server.clone()
            },
            people: people.into_iter().map(PersonTile::from).collect(),
            keyring,
            look: self.inner.people.look(),
            demonstration: self.inner.config.demonstration.clone(),
        })
    }

    pub(crate) async fn unlock(&self, arguments: Unlock) -> Result<Person, Problem> {
        let _gate = self.inner.people_gate.lock().await;
        let user_id = Uuid::parse_str(&arguments.user_id).map_err(|_| Problem::new(Code::BadRequest, "not an id").field("user_id"))?;
        let folder = self.inner.people.folder_of(&user_id);
        let keys = Keys::of(&folder, user_id, &self.inner.environment);
        if !keys.exist() {
            return Err(Problem::new(Code::NotFound, "this person has no data on this laptop"));
        }
        let open = keys.open(&arguments.password).await?;
        if let Ok(present) = self.unlocked()
            && present.owner.user_id == user_id
        {
            return Ok(present.person());
        }
        self.close_unlocked().await;
        let lock = take_lock(&folder)?;
        let (path, key) = (folder.join(STORE_FILE), open.key.clone());
        let writer = blocking(move || Writer::open(&path, &key)).await?;
        let unlocked = self.start_unlocked(Opened { folder, lock, keys, open, writer }).await?;
        Ok(self.activate(unlocked).await?)
    }

    pub(crate) async fn lock(&self, _arguments: Nothing) -> Result<Nothing, Problem> {
        let _gate = self.inner.people_gate.lock().await;
        self.close_unlocked().await;
        Ok(Nothing {})
    }

    pub(crate) async fn sign_out(&self, _arguments: Nothing) -> Result<Nothing, Problem> {
        let _gate = self.inner.people_gate.lock().await;
        let unlocked = self.unlocked()?;
        // Without a network the session ends only here; at the server it expires.
        let answer = unlocked.engine.session.with_token(|link, token| async move { link.sign_out(&token).await }).await;
        if let Err(error) = answer {
            tracing::info!(%error, "the server was not notified of the sign-out");
        }
        unlocked.engine.session.end().await?;
        self.close_unlocked().await;
        Ok(Nothing {})
    }

    pub(crate) async fn set_look(&self, arguments: Look) -> Result<Look, Problem> {
        if !ZOOM_PERCENT.contains(&arguments.zoom_percent) {
            return Err(Problem::new(Code::BadValue, "zoom is between 50 and 300 percent").field("zoom_percent"));
        }
        if !LANGUAGES.contains(&arguments.language.as_str()) {
            return Err(Problem::new(Code::BadValue, "the screens are not translated into this language").field("language"));
        }
        self.inner.people.save_look(&arguments)?;
        Ok(arguments)
    }

    pub(crate) async fn profile(&self, _arguments: Nothing) -> Result<Profile, Problem> {
        Ok(self
            .read(|snapshot| {
                let profile = snapshot
                    .connection
                    .prepare_cached("SELECT phone, company, position, bio, language FROM user_profiles WHERE user_id = ?1")?
                    .query_row([snapshot.me()], |row| {
                        let text = |name: &str| row.get::<_, Option<String>>(name).map(Option::unwrap_or_default);
                        Ok(Profile {
                            phone: text("phone")?,
                            company: text("company")?,
                            position: text("position")?,
                            bio: text("bio")?,
                            language: text("language")?,
                        })
                    })
                    .optional()?;
                Ok(profile.unwrap_or(Profile {
                    phone: String::new(),
                    company: String::new(),
                    position: String::new(),
                    bio: String::new(),
                    language: String::new(),
                }))
            })
            .await?)
    }

    pub(crate) async fn edit_profile(&self, arguments: Profile) -> Result<Profile, Problem> {
        let before = self.profile(Nothing {}).await?;
        let texts = [
            ("phone", &before.phone, &arguments.phone),
            ("company", &before.company, &arguments.company),
            ("position", &before.position, &arguments.position),
            ("bio", &before.bio, &arguments.bio),
            ("language", &before.language, &arguments.language),
        ];
        let mut fields: Vec<(&'static str, Value)> = texts
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(name, _, after)| (name, if after.is_empty() { Value::Null } else { json!(after) }))
            .collect();
        if !fields.is_empty() {
            let me = self.unlocked()?.owner.user_id;
            fields.push(("user_id", json!(me.to_string())));
            let entity = registry::entity("user_profiles").expect("a registered table");
            self.edit(vec![Edit::put(entity, None, fields)]).await?;
        }
        self.profile(Nothing {}).await
    }

    pub(super) async fn start_unlocked(&self, opened: Opened) -> Result<Arc<Unlocked>> {
        let inner = &self.inner;
        Unlocked::start(opened, &inner.environment, inner.media.clone(), inner.events.clone()).await
    }

    /// Makes a just unlocked person the current one, and puts their tile first.
    pub(super) async fn activate(&self, unlocked: Arc<Unlocked>) -> Result<Person> {
        let person = unlocked.person();
        self.save_tile(&unlocked).await?;
        self.set_unlocked(Some(unlocked));
        let _ = self.inner.events.send(Event::People);
        Ok(person)
    }

    async fn save_tile(&self, unlocked: &Unlocked) -> Result<()> {
        let (device_id, waiting) = unlocked.store.write(|writer| Ok((writer.device().device_id, writer.device().waiting()))).await?;
        let owner = &unlocked.owner;
        self.inner.people.keep(&Resident {
            user_id: owner.user_id,
            device_id,
            full_name: owner.full_name.clone(),
            user_name: owner.user_name.clone(),
            role: owner.role,
            server: owner.server.clone(),
            waiting,
            last_here_at: self.inner.environment.clock.now_ms(),
        })
    }

    /// Locks the unlocked person, if there is one. Their data stays.
    pub(crate) async fn close_unlocked(&self) {
        let Some(unlocked) = self.set_unlocked(None) else { return };
        unlocked.stop().await;
        if let Err(error) = self.save_tile(&unlocked).await {
            tracing::warn!(%error, "the person's tile could not be written");
        }
        unlocked.store.close().await;
        drop(unlocked);
        let _ = self.inner.events.send(Event::People);
    }
}

pub(super) async fn blocking<R: Send + 'static>(work: impl FnOnce() -> Result<R> + Send + 'static) -> Result<R> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ClientError::WorkerStopped)?
}
