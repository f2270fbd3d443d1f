//! Signing in at the server: as the device of the database on this laptop, with the secrets that may open that database.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use waystation_model::{Code, Problem};

use super::people::blocking;
use crate::app::{App, make_private_folder};
use crate::error::{ClientError, Result};
use crate::keys::{DeviceSecret, Keys, OpenKey};
use crate::store::{Owner, Writer, outbox};
use crate::sync::accounts::{DeviceRequest, SignInAnswer};
use crate::sync::clock::RequestTime;
use crate::sync::link::Link;
use crate::sync::reach::explain;
use crate::sync::session::{self, Tokens};
use crate::unlocked::{Opened, STORE_FILE, Unlocked, take_lock};
use crate::view_models::*;

/// How long a person waits for the server before they are told that it says nothing. They may give up at any time before.
const SIGN_IN_TIME_MAX: Duration = Duration::from_secs(10);

impl App {
    pub(crate) async fn sign_in(&self, arguments: SignIn) -> Result<Person, Problem> {
        let _gate = self.inner.people_gate.lock().await;
        let link = Link::to(&arguments.server)?;
        let asked = RequestTime::now(self.inner.environment.clock.as_ref());
        let signed_in = self.awaited(self.request_sign_in(&link, &arguments)).await?;
        self.enter(&link, &arguments, asked, signed_in).await
    }

    pub(crate) async fn look_at_code(&self, arguments: LookAtCode) -> Result<Invitee, Problem> {
        let link = Link::to(&arguments.server)?;
        let answer = self.awaited(link.look_at_code(&arguments.code)).await?;
        Ok(Invitee {
            full_name: answer.full_name,
            user_name: answer.user_name,
            organization_name: answer.organization_name,
            expires_at: answer.expires_at,
        })
    }

    pub(crate) async fn sign_in_with_code(&self, arguments: SignInWithCode) -> Result<Person, Problem> {
        let _gate = self.inner.people_gate.lock().await;
        let link = Link::to(&arguments.server)?;
        let SignInWithCode { server, code, user_name, password } = arguments;
        let mut by_password = SignIn { server, name: user_name, password, old_password: None };
        let asked = RequestTime::now(self.inner.environment.clock.as_ref());
        let signed_in = match self.awaited(self.request_with_code(&link, &code, &by_password)).await {
            // The answer of an earlier try may have been lost: then the chosen password works.
            Err(ClientError::Refused(used)) if used.code == Code::CodeUsed => {
                self.awaited(self.request_sign_in(&link, &by_password)).await.map_err(|error| match error.code() {
                    Code::WrongPassword => ClientError::Refused(used),
                    _ => error,
                })?
            }
            signed_in => signed_in?,
        };
        by_password.name = signed_in.answer.user.user_name.clone().unwrap_or(by_password.name);
        self.enter(&link, &by_password, asked, signed_in).await
    }

    /// Stops waiting for the server's answer to a sign-in or to a code.
    pub(crate) async fn cancel_sign_in(&self, _arguments: Nothing) -> Result<Nothing, Problem> {
        self.inner.sign_in_cancelled.notify_waiters();
        Ok(Nothing {})
    }

    /// The server's answer, unless the person gives up or it takes too long. A request that is dropped may have reached the server: a
    /// code that was used by it opens with the chosen password, and an unused session ends by itself.
    async fn awaited<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            answer = request => answer.map_err(explain),
            () = self.inner.sign_in_cancelled.notified() => Err(ClientError::refused(Code::Offline, "the person gave up")),
            () = tokio::time::sleep(SIGN_IN_TIME_MAX) => Err(ClientError::refused(Code::ServerSilent, "no answer in time")),
        }
    }

    /// Uses a code, as the device of this person's database when there is one here: their password was reset.
    async fn request_with_code(&self, link: &Link, code: &str, arguments: &SignIn) -> Result<SignedIn> {
        let invited = link.look_at_code(code).await?;
        let (name, password) = (arguments.name.trim(), arguments.password.as_str());
        if !self.has_store(&invited.user_id) {
            let answer = link.sign_in_with_code(code, name, password, DeviceRequest::this(None)).await?;
            return Ok(SignedIn { answer, refused: None });
        }
        self.as_device_of(invited.user_id, |device| link.sign_in_with_code(code, name, password, device)).await
    }

    /// Opens the database of the person who has signed in, and makes that person the current one.
    async fn enter(&self, link: &Link, arguments: &SignIn, asked: RequestTime, signed_in: SignedIn) -> Result<Person, Problem> {
        let offset_ms = asked.offset_ms(self.inner.environment.clock.as_ref(), signed_in.answer.server_time);
        self.close_unlocked().await;
        let unlocked = self.open_signed_in(link, arguments, signed_in, offset_ms).await?;
        Ok(self.activate(unlocked).await?)
    }

    /// Signs in, as the device of this person's database when there is one here.
    async fn request_sign_in(&self, link: &Link, arguments: &SignIn) -> Result<SignedIn> {
        let name = arguments.name.trim();
        let known = self.inner.people.find_by_name(&link.address(), name).filter(|person| self.has_store(&person.user_id));
        if let Some(person) = known {
            return self.sign_in_as(link, arguments, person.user_id).await;
        }
        let answer = link.sign_in(name, &arguments.password, DeviceRequest::this(None)).await?;
        let signed_in = SignedIn { answer, refused: None };
        if !self.has_store(&signed_in.answer.user.id) {
            return Ok(signed_in);
        }
        // They signed in by another name, such as the e-mail address: sign in again as the device of their database.
        Ok(self.sign_in_as(link, arguments, signed_in.answer.user.id).await.unwrap_or(signed_in))
    }

    async fn sign_in_as(&self, link: &Link, arguments: &SignIn, user_id: Uuid) -> Result<SignedIn> {
        self.as_device_of(user_id, |device| link.sign_in(arguments.name.trim(), &arguments.password, device)).await
    }

    /// Signs in as the device of a person's database, or as a new one when the server no longer accepts that device. The answer
    /// contains the secrets that may open the database.
    async fn as_device_of<F: Future<Output = Result<SignInAnswer>>>(
        &self,
        user_id: Uuid,
        sign_in: impl Fn(DeviceRequest) -> F,
    ) -> Result<SignedIn> {
        // The key file is written before the database: when it has two devices, the newest is the one to sign in as.
        let mut devices = self.keys_of(user_id).devices();
        let on_tile = self.inner.people.find(&user_id).map(|person| person.device_id);
        devices.extend(on_tile.filter(|device| !devices.contains(device)));
        let (present, others) = match devices.split_first() {
            Some((present, others)) => (Some(*present), others.to_vec()),
            None => (None, Vec::new()),
        };
        match sign_in(DeviceRequest::this(present).with_secrets_of(others)).await {
            Err(ClientError::Refused(problem))
                if present.is_some() && matches!(problem.code, Code::DeviceRevoked | Code::DeviceNotYours) =>
            {
                let answer = sign_in(DeviceRequest::this(None).with_secrets_of(devices)).await?;
                Ok(SignedIn { answer, refused: present.map(|device| (device, problem.code)) })
            }
            answer => Ok(SignedIn { answer: answer?, refused: None }),
        }
    }

    fn has_store(&self, user_id: &Uuid) -> bool {
        self.inner.people.folder_of(user_id).join(STORE_FILE).exists()
    }

    fn keys_of(&self, user_id: Uuid) -> Keys {
        Keys::of(&self.inner.people.folder_of(&user_id), user_id, &self.inner.environment)
    }

    /// Opens or creates the database of the person who just signed in.
    async fn open_signed_in(&self, link: &Link, arguments: &SignIn, signed_in: SignedIn, offset_ms: Option<i64>) -> Result<Arc<Unlocked>> {
        let user = &signed_in.answer.user;
        let user_id = user.id;
        let folder = self.inner.people.folder_of(&user_id);
        make_private_folder(&folder)?;
        let lock = take_lock(&folder)?;
        let keys = self.keys_of(user_id);
        let device = signed_in.secret();
        let open = match (keys.exist(), self.has_store(&user_id)) {
            (true, true) => {
                let others: Vec<String> = signed_in.answer.secrets.values().cloned().collect();
                open_keys(&keys, arguments, &device, &others).await?
            }
            (false, true) => return Err(ClientError::Damaged("there is a database without its key file".into())),
            // A first sign-in that was interrupted may have left a key file without a database.
            (_, false) => keys.make(&arguments.password, &device).await?,
        };
        let owner = Owner {
            user_id,
            organization_id: user.organization_id,
            organization_name: user.organization_name.clone(),
            user_name: user.user_name.clone().unwrap_or_default(),
            full_name: user.full_name.clone(),
            role: user.role,
            server: link.address(),
        };
        let (path, key, device_id) = (folder.join(STORE_FILE), open.key.clone(), device.device_id);
        let mut writer = blocking(move || Writer::open_for(&path, &key, device_id, &owner)).await?;
        let signed_in = sign_in_as_database_device(link, arguments, &keys, &open, writer.device().device_id, signed_in).await?;
        let writer = blocking(move || {
            signed_in.store(&mut writer, offset_ms)?;
            Ok(writer)
        })
        .await?;
        self.start_unlocked(Opened { folder, lock, keys, open, writer }).await
    }
}

/// A sign-in that the server has accepted.
struct SignedIn {
    answer: SignInAnswer,
    /// The device of the first request, when the server refused it, and the refusal's code.
    refused: Option<(Uuid, Code)>,
}

impl SignedIn {
    fn secret(&self) -> DeviceSecret {
        DeviceSecret { device_id: self.answer.device_id, secret: self.answer.recovery_secret.clone() }
    }

    /// Stores the session and changes the database's device to the one that is signed in.
    fn store(self, writer: &mut Writer, offset_ms: Option<i64>) -> Result<()> {
        let SignInAnswer { device_id, epoch, access_token, access_expires_at, refresh_token, .. } = self.answer;
        let refused = self.refused;
        writer.durable_transaction(|connection, device| {
            if device.device_id != device_id {
                if refused == Some((device.device_id, Code::DeviceNotYours)) {
                    outbox::replace_unknown_device(connection, device, device_id)?;
                } else {
                    // The epoch has changed, and a revoked device cannot ask which of its mutations the server still has.
                    // Sending them twice is better than losing them.
                    if device.epoch != 0 && device.epoch != epoch {
                        outbox::requeue_all(connection, device)?;
                    }
                    outbox::become_device(connection, device, device_id)?;
                }
            }
            device.clock_offset_ms = offset_ms.unwrap_or(device.clock_offset_ms);
            crate::store::device::save(connection, device)?;
            session::save(connection, &Tokens { access_token, access_expires_at, refresh_token })
        })
    }
}

/// Signs in as the database's own device, when neither the sign-in nor its refusal was about that one: a crash may have
/// happened after the key file was written for a new device and before the database was. The server's answer about the
/// database's own device decides how its changes are handled.
async fn sign_in_as_database_device(
    link: &Link,
    arguments: &SignIn,
    keys: &Keys,
    open: &OpenKey,
    database: Uuid,
    signed_in: SignedIn,
) -> Result<SignedIn> {
    if signed_in.answer.device_id == database || signed_in.refused.is_some_and(|(device, _)| device == database) {
        return Ok(signed_in);
    }
    match link.sign_in(arguments.name.trim(), &arguments.password, DeviceRequest::this(Some(database))).await {
        Ok(answer) => {
            let own = SignedIn { answer, refused: None };
            keys.replace_recovery(&open.key, &own.secret())?;
            Ok(own)
        }
        Err(ClientError::Refused(problem)) if matches!(problem.code, Code::DeviceRevoked | Code::DeviceNotYours) => {
            Ok(SignedIn { refused: Some((database, problem.code)), ..signed_in })
        }
        Err(error) => Err(error),
    }
}

/// Opens the key of a person whose password the server has just accepted: with the password, a device's secret or the old
/// password.
async fn open_keys(keys: &Keys, arguments: &SignIn, device: &DeviceSecret, others: &[String]) -> Result<OpenKey> {
    let password = &arguments.password;
    let closed = match keys.open(password).await {
        Ok(open) => {
            // The device may have changed, and a keyring may be available since.
            let guarded_by_keyring = if open.guarded_by_keyring {
                keys.replace_recovery(&open.key, device)?;
                true
            } else {
                keys.rewrite(&open.key, password, device).await?
            };
            return Ok(OpenKey { guarded_by_keyring, ..open });
        }
        Err(error) if matches!(error.code(), Code::CannotUnlock | Code::NoKeyring) => error,
        Err(error) => return Err(error),
    };
    let needed = match keys.recover(password, device, others).await {
        Err(error) if error.code() == Code::OldPasswordNeeded => error,
        recovered => return recovered,
    };
    match &arguments.old_password {
        Some(old) => match keys.open(old).await {
            Ok(open) => {
                let guarded_by_keyring = keys.rewrite(&open.key, password, device).await?;
                Ok(OpenKey { guarded_by_keyring, ..open })
            }
            Err(error) if error.code() == Code::CannotUnlock => Err(needed),
            Err(error) => Err(error),
        },
        // Without the keyring an old password cannot open the key either.
        None if closed.code() == Code::NoKeyring => Err(closed),
        None => Err(needed),
    }
}
