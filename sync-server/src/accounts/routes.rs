//! Sign-in, sign-out, and a new device for a copied database.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;
use waystation_model::limits::REQUEST_BODY_BYTES_MAX;
use waystation_model::{Code, Problem};

use super::imported::MostRounds;
use super::names::{self, Account};
use super::passwords::{Memory, check_password, hash_password};
use super::session::Session;
use super::tokens::{ACCESS_SECONDS, Claims, SESSION_DAYS, new_refresh_token};
use crate::body::Body;
use crate::connections::Peer;
use crate::failure::Failure;
use crate::state::App;
use crate::uninterrupted::{begin, run_to_end};

/// The longest sign-in name in bytes: an e-mail address of 255 characters.
const NAME_BYTES_MAX: usize = 1_020;
/// The most devices of one person that are not revoked.
const DEVICES_PER_USER_MAX: i64 = 100;
/// Longer device names are cut to this many characters.
const DEVICE_NAME_MAX: usize = 100;
/// The most devices whose recovery secrets one sign-in may request.
const SECRETS_OF_MAX: usize = 8;
/// How often a password is checked again because its hash changed meanwhile: the one case is two laptops of a person whose hash is
/// replaced at the first sign-in.
const CHECKS_MAX: usize = 3;

/// `POST /v1/accounts/sign-in`
#[derive(Debug, Deserialize, ToSchema)]
pub struct SignIn {
    /// The sender's protocol.
    pub protocol: u32,
    /// User name or e-mail address.
    pub name: String,
    /// The password.
    pub password: String,
    /// The device.
    #[serde(default)]
    pub device: DeviceGiven,
}

/// The device of a sign-in.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct DeviceGiven {
    /// Left out: a new device.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub id: Option<Uuid>,
    /// Such as the laptop's name.
    #[serde(default)]
    pub name: String,
    /// Such as `linux`.
    #[serde(default)]
    pub platform: String,
    /// Other devices of this person, revoked ones too, whose recovery secrets are needed: the laptop's database may still be
    /// wrapped with one of them. At most 8.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub secrets_of: Vec<Uuid>,
}

/// The answer to a sign-in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// Milliseconds since 1970.
    pub access_expires_at: i64,
    /// For a new access token.
    pub refresh_token: String,
    /// The device.
    #[schema(value_type = String)]
    pub device_id: Uuid,
    /// 32 bytes in base64 that belong to the device, to open its database when the password or the keyring cannot.
    pub recovery_secret: String,
    /// The same of the devices in `secrets_of`, by device; those that are not this person's are left out.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub secrets: BTreeMap<Uuid, String>,
    /// Who signed in.
    pub user: SignedInUser,
    /// The server's epoch.
    pub epoch: i64,
    /// The server's clock, in milliseconds.
    pub server_time: i64,
}

/// Who signed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedInUser {
    /// The account.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The name to sign in with.
    pub user_name: String,
    /// Full name.
    pub full_name: String,
    /// `admin`, `instructor`, `teacher`, `learner` or `parent`.
    pub role: String,
    /// Their organization.
    #[schema(value_type = String)]
    pub organization_id: Uuid,
    /// Its name.
    pub organization_name: String,
}

/// Signs somebody in.
///
/// # Errors
/// `wrong_password`, `account_closed`, `too_many_attempts`, `device_not_yours`, `device_revoked`, `too_many_devices`.
#[utoipa::path(post, path = "/v1/accounts/sign-in", request_body = SignIn, responses((status = 200, body = SignedIn), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn sign_in(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Body(request): Body<SignIn, REQUEST_BODY_BYTES_MAX>,
) -> Result<Json<SignedIn>, Failure> {
    app.protocols.check(request.protocol)?;
    let name = request.name.trim();
    if name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err(wrong().into());
    }
    if request.device.secrets_of.len() > SECRETS_OF_MAX {
        return Err(Problem::new(Code::BadRequest, "too many devices whose secrets are needed").field("secrets_of").into());
    }
    let shared = Arc::new((request, headers));
    for _ in 0..CHECKS_MAX {
        let (request, headers) = &*shared;
        let opened = open_account(&app, peer, headers, request.name.trim(), request).await?;
        let (app, shared) = (app.clone(), Arc::clone(&shared));
        let signed_in = run_to_end(async move { signed_in(&app, opened, &shared.0.device, &shared.1).await }).await?;
        if let Some(signed_in) = signed_in {
            return Ok(Json(signed_in));
        }
    }
    Err(wrong().into())
}

/// Opens the session after a correct password. None: the account's hash has changed meanwhile, and the password has to be checked
/// again.
async fn signed_in(app: &App, opened: Opened, given: &DeviceGiven, headers: &HeaderMap) -> Result<Option<SignedIn>, Failure> {
    let Opened { account, new_hash } = opened;
    let mut transaction = begin(&app.pool).await?;
    // The account may have got another password while this one was checked, or another sign-in may have replaced the hash.
    if !still_opens(&mut transaction, &account).await? {
        return Ok(None);
    }
    let device = match given.id {
        Some(id) => known_device(&mut transaction, id, account.id).await?,
        None => make_device(&mut transaction, account.organization_id, account.id, &given.name, &given.platform).await?,
    };
    let secrets = secrets_of(&mut transaction, &given.secrets_of, account.id).await?;
    if let Some(new_hash) = new_hash {
        store_hash(&mut transaction, account.id, &new_hash).await?;
    }
    let (session_id, refresh_token) = open_session(&mut transaction, account.id, device.0, headers).await?;
    let moved = crate::database::commit(transaction).await?;
    app.moved(moved);

    let (access_token, access_expires_at) = access_token(app, account.id, account.organization_id, device.0, session_id)?;
    Ok(Some(SignedIn {
        access_token,
        access_expires_at,
        refresh_token,
        device_id: device.0,
        recovery_secret: BASE64.encode(device.1),
        secrets,
        user: SignedInUser {
            id: account.id,
            user_name: account.user_name.or(account.email).unwrap_or_default(),
            full_name: account.full_name,
            role: account.role,
            organization_id: account.organization_id,
            organization_name: account.organization_name,
        },
        epoch: app.epoch.number(),
        server_time: app.now_ms(),
    }))
}

/// An account whose name and password were correct.
struct Opened {
    account: Account,
    /// A new hash of the password, when the stored one is to be replaced.
    new_hash: Option<String>,
}

/// Checks name and password.
async fn open_account(app: &App, peer: IpAddr, headers: &HeaderMap, name: &str, request: &SignIn) -> Result<Opened, Failure> {
    let named = names::find(&app.pool, name).await?;
    let attempts = names::attempts(&app.pool, &named, request.device.id).await?;
    if !app.sign_ins.take(&attempts.buckets, app.now_ms()) {
        return Err(Problem::new(Code::TooManyAttempts, "too many attempts for this name").into());
    }
    // Hashing is slow on purpose. Many sign-ins at once wait for each other; known devices do not wait for unknown ones.
    let unknown_from = (!attempts.is_known_device).then(|| address_of(peer, headers));
    let slot = app.passwords.take(unknown_from).await?;
    let (password, most) = (request.password.clone(), Arc::clone(&app.most_rounds));
    let (opened, slot) = slot.work(move |memory| matching_account(named.accounts, &password, &most, memory)).await?;
    let (bucket, account, outdated) = opened.ok_or_else(wrong)?;
    if !account.open {
        return Err(Problem::new(Code::AccountClosed, "the account is closed").into());
    }
    app.sign_ins.give_back(&attempts.buckets[bucket]);
    let (new_hash, slot) = if outdated {
        let password = request.password.clone();
        slot.work(move |_| hash_password(&password).ok()).await?
    } else {
        (None, slot)
    };
    drop(slot);
    Ok(Opened { account, new_hash })
}

/// The client's address. `X-Forwarded-For` is trusted only when the peer is in a private network, where the proxy runs; its last
/// entry is the address that the proxy itself has seen.
fn address_of(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let private = match peer {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| private).and_then(|value| value.to_str().ok());
    let address: IpAddr = forwarded.and_then(|text| text.rsplit(',').next()?.trim().parse().ok()).unwrap_or(peer);
    match address.to_canonical() {
        // An IPv6 client usually controls a whole /64, so all of it counts as one address.
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

/// The account that the password matches, its index, and whether its hash is to be replaced. Every account is compared, also after
/// a match, so that the time reveals nothing.
fn matching_account(accounts: Vec<Account>, password: &str, most: &MostRounds, memory: &mut Memory) -> Option<(usize, Account, bool)> {
    if accounts.is_empty() {
        check_password(password, None, most, memory);
    }
    accounts.iter().filter_map(|account| account.password_hash.as_deref()).for_each(|stored| most.note(stored));
    let checked: Vec<(bool, bool)> =
        accounts.iter().map(|account| check_password(password, account.password_hash.as_deref(), most, memory)).collect();
    let opened = accounts.into_iter().zip(checked).enumerate().find(|(_, (_, (fits, _)))| *fits);
    opened.map(|(index, (account, (_, outdated)))| (index, account, outdated))
}

fn wrong() -> Problem {
    Problem::new(Code::WrongPassword, "the name or the password is wrong")
}

/// Whether the account still has the checked hash. The row is locked until the transaction ends.
async fn still_opens(connection: &mut PgConnection, account: &Account) -> Result<bool, Failure> {
    let sql = "SELECT password_hash FROM users WHERE id = $1 FOR NO KEY UPDATE";
    let stored: Option<Option<String>> = sqlx::query_scalar(sql).bind(account.id).fetch_optional(connection).await?;
    Ok(stored.flatten() == account.password_hash)
}

/// Stores another hash of the same password: this ends no session.
async fn store_hash(connection: &mut PgConnection, user: Uuid, hash: &str) -> Result<(), Failure> {
    sqlx::query("SELECT set_config('waystation.same_password', 'on', true)").execute(&mut *connection).await?;
    sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1").bind(user).bind(hash).execute(&mut *connection).await?;
    sqlx::query("SELECT set_config('waystation.same_password', '', true)").execute(connection).await?;
    Ok(())
}

pub(super) fn access_token(app: &App, user: Uuid, organization: Uuid, device: Uuid, session: Uuid) -> Result<(String, i64), Failure> {
    let expires = app.now_ms() / 1000 + ACCESS_SECONDS;
    let token = app.tokens.issue(&Claims { sub: user, org: organization, dev: device, sid: session, exp: expires })?;
    Ok((token, expires * 1000))
}

async fn known_device(connection: &mut PgConnection, id: Uuid, user: Uuid) -> Result<(Uuid, Vec<u8>), Failure> {
    let row: Option<(Uuid, Vec<u8>, bool)> =
        sqlx::query_as("SELECT user_id, recovery_secret, revoked_at IS NOT NULL FROM devices WHERE id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    match row {
        Some((owner, secret, false)) if owner == user => Ok((id, secret)),
        Some((owner, _, true)) if owner == user => Err(Problem::new(Code::DeviceRevoked, "the device was revoked").into()),
        _ => Err(Problem::new(Code::DeviceNotYours, "the device belongs to another person").into()),
    }
}

/// The recovery secrets of a person's own devices, revoked ones included: a revoked device cannot sign in, but its secret may still
/// be needed to open a database.
async fn secrets_of(connection: &mut PgConnection, devices: &[Uuid], user: Uuid) -> Result<BTreeMap<Uuid, String>, Failure> {
    if devices.is_empty() {
        return Ok(BTreeMap::new());
    }
    let secrets: Vec<(Uuid, Vec<u8>)> = sqlx::query_as("SELECT id, recovery_secret FROM devices WHERE id = ANY($1) AND user_id = $2")
        .bind(devices)
        .bind(user)
        .fetch_all(connection)
        .await?;
    Ok(secrets.into_iter().map(|(id, secret)| (id, BASE64.encode(secret))).collect())
}

/// Makes a device with its ledger. Returns its id and recovery secret.
pub(super) async fn make_device(
    connection: &mut PgConnection,
    organization: Uuid,
    user: Uuid,
    name: &str,
    platform: &str,
) -> Result<(Uuid, Vec<u8>), Failure> {
    // The lock makes the limit hold when two sign-ins create devices at once.
    sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE").bind(user).execute(&mut *connection).await?;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM devices WHERE user_id = $1 AND revoked_at IS NULL")
        .bind(user)
        .fetch_one(&mut *connection)
        .await?;
    if known >= DEVICES_PER_USER_MAX {
        return Err(Problem::new(Code::TooManyDevices, format!("{DEVICES_PER_USER_MAX} devices are the limit")).into());
    }
    let id = Uuid::now_v7();
    let secret: [u8; 32] = rand::random();
    let cut = |text: &str| text.chars().filter(|c| !c.is_control()).take(DEVICE_NAME_MAX).collect::<String>();
    sqlx::query("INSERT INTO devices (id, organization_id, user_id, name, platform, recovery_secret) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(organization)
        .bind(user)
        .bind(cut(name))
        .bind(cut(platform))
        .bind(secret.as_slice())
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO device_states (device_id) VALUES ($1)").bind(id).execute(connection).await?;
    Ok((id, secret.to_vec()))
}

/// Opens a device's session and ends its former one: a device has one session. Returns the session and its first refresh token.
async fn open_session(connection: &mut PgConnection, user: Uuid, device: Uuid, headers: &HeaderMap) -> Result<(Uuid, String), Failure> {
    sqlx::query("UPDATE user_sessions SET ended_at = now() WHERE device_id = $1 AND ended_at IS NULL")
        .bind(device)
        .execute(&mut *connection)
        .await?;
    let id = Uuid::now_v7();
    let (refresh_token, hash) = new_refresh_token(id);
    let agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).map(|text| text.chars().take(300).collect::<String>());
    sqlx::query(
        "INSERT INTO user_sessions (id, user_id, device_id, refresh_token_hash, created_at, last_used_at, expires_at, user_agent) \
         VALUES ($1, $2, $3, $4, now(), now(), now() + make_interval(days => $5), $6)",
    )
    .bind(id)
    .bind(user)
    .bind(device)
    .bind(hash)
    .bind(i32::try_from(SESSION_DAYS).unwrap_or(i32::MAX))
    .bind(agent)
    .execute(connection)
    .await?;
    Ok((id, refresh_token))
}

/// Ends the session. Data on the laptop is not affected.
///
/// # Errors
/// Only when the database does not answer.
#[utoipa::path(post, path = "/v1/accounts/sign-out", security(("access_token" = [])), responses((status = 204, description = "The session is ended."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn sign_out(State(app): State<App>, session: Session) -> Result<StatusCode, Failure> {
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        sqlx::query("UPDATE user_sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL")
            .bind(session.session_id)
            .execute(&mut *transaction)
            .await?;
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Ends every session of the person, on every device, this one too.
///
/// For a person who has lost a laptop, or believes that somebody else has their tokens.
///
/// # Errors
/// `session_ended`, `device_revoked`, `account_closed`: only a session that is open ends the others.
#[utoipa::path(post, path = "/v1/accounts/sign-out-everywhere", security(("access_token" = [])), responses((status = 204, description = "Every session of this person is ended."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn sign_out_everywhere(State(app): State<App>, session: Session) -> Result<StatusCode, Failure> {
    run_to_end(async move {
        let mut transaction = app.tenant(session.organization_id).begin().await?;
        session.check_alive(&mut transaction).await?;
        sqlx::query("UPDATE user_sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL")
            .bind(session.user_id)
            .execute(&mut *transaction)
            .await?;
        let moved = crate::database::commit(transaction).await?;
        app.moved(moved);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `POST /v1/accounts/device`
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewDeviceRequest {
    /// Such as the laptop's name.
    #[serde(default)]
    pub name: String,
    /// Such as `linux`.
    #[serde(default)]
    pub platform: String,
}

/// A new device for a database that is a copy of another one, with a session of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewDevice {
    /// The new device.
    #[schema(value_type = String)]
    pub device_id: Uuid,
    /// Its recovery secret.
    pub recovery_secret: String,
    /// An access token that names the new device.
    pub access_token: String,
    /// Milliseconds since 1970.
    pub access_expires_at: i64,
    /// A refresh token of the new device's own session.
    pub refresh_token: String,
}

/// Makes a new device and a session of its own for it.
///
/// # Errors
/// `session_ended`, `device_revoked`, `account_closed`.
#[utoipa::path(post, path = "/v1/accounts/device", security(("access_token" = [])), request_body = NewDeviceRequest, responses((status = 200, body = NewDevice), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn new_device(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Body(request): Body<NewDeviceRequest, REQUEST_BODY_BYTES_MAX>,
) -> Result<Json<NewDevice>, Failure> {
    run_to_end(async move { made_device(&app, session, &request, &headers).await.map(Json) }).await
}

async fn made_device(app: &App, session: Session, request: &NewDeviceRequest, headers: &HeaderMap) -> Result<NewDevice, Failure> {
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    let (device_id, secret) =
        make_device(&mut transaction, session.organization_id, session.user_id, &request.name, &request.platform).await?;
    let (session_id, refresh_token) = open_session(&mut transaction, session.user_id, device_id, headers).await?;
    let moved = crate::database::commit(transaction).await?;
    app.moved(moved);
    let (access_token, access_expires_at) = access_token(app, session.user_id, session.organization_id, device_id, session_id)?;
    Ok(NewDevice { device_id, recovery_secret: BASE64.encode(secret), access_token, access_expires_at, refresh_token })
}
