//! What the operator does with organizations: adding, listing, suspending, resuming and renaming them, and letting somebody in who
//! has lost their password. Nothing here is reachable over HTTP.

pub mod command;

use sqlx::{FromRow, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::accounts::{Invited, MadeInvitation, make_inside};
use crate::failure::Failure;

/// The longest slug: a label of a domain name.
const SLUG_LENGTH_MAX: usize = 63;
/// The longest name of an organization or a person.
const NAME_LENGTH_MAX: usize = 255;
/// The longest user name.
const USER_NAME_LENGTH_MAX: usize = 150;

/// Why a command was refused.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// The slug has another form.
    #[error("{0:?} is no slug: use 1 to {SLUG_LENGTH_MAX} lower-case letters a to z, digits and hyphens, none at either end")]
    BadSlug(String),
    /// Another organization has the slug.
    #[error("another organization has the slug {0:?}; `sync-server organization list` shows them")]
    SlugTaken(String),
    /// No organization has the slug.
    #[error("no organization has the slug {0:?}; `sync-server organization list` shows them")]
    NoOrganization(String),
    /// PostgreSQL does not know the time zone.
    #[error("{0:?} is no time zone: use a name of the IANA list, such as Asia/Baku or Europe/Berlin")]
    BadTimeZone(String),
    /// The currency has another form.
    #[error("{0:?} is no currency: use the three letters of ISO 4217, such as AZN or EUR")]
    BadCurrency(String),
    /// A name is empty or too long.
    #[error("{what} needs 1 to {max} characters, and no control characters")]
    BadName {
        /// Which name.
        what: &'static str,
        /// The most characters.
        max: usize,
    },
    /// Another account signs in with the name.
    #[error("another account signs in with {0:?}: choose another user name")]
    UserNameTaken(String),
    /// The organization has no such account.
    #[error("the organization has no account with the user name or e-mail address {0:?}")]
    NoAccount(String),
    /// The account is closed.
    #[error("the account {0:?} is suspended or deleted")]
    AccountClosed(String),
    /// The database has not been migrated.
    #[error("the database has not been migrated: run `sync-server migrate`")]
    NotMigrated,
    /// The database or the server's own code.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<sqlx::Error> for OrganizationError {
    fn from(error: sqlx::Error) -> OrganizationError {
        OrganizationError::Failed(error.into())
    }
}

/// A new organization and its first administrator.
#[derive(Debug, Clone, clap::Args)]
pub struct NewOrganization {
    /// The organization's name, as its people see it.
    #[arg(long)]
    pub name: String,
    /// A short name for commands and addresses: lower-case letters, digits and hyphens.
    #[arg(long)]
    pub slug: String,
    /// Its time zone, such as Asia/Baku: it decides to which day a moment belongs.
    #[arg(long)]
    pub time_zone: String,
    /// The currency of its prices, such as AZN.
    #[arg(long)]
    pub currency: String,
    /// The full name of its first administrator.
    #[arg(long)]
    pub admin: String,
    /// The administrator's user name; without it, they choose one with the code.
    #[arg(long)]
    pub user_name: Option<String>,
}

/// An organization as `list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Listed {
    /// The slug.
    pub slug: String,
    /// The name.
    pub name: String,
    /// `trial`, `active`, `suspended` or `closed`.
    pub status: String,
    /// The time zone.
    pub time_zone: String,
    /// The currency.
    pub currency: String,
    /// Accounts that are not deleted.
    pub people: i64,
    /// Those of them who have a password.
    pub with_password: i64,
}

/// Makes an organization, its first administrator, and the code for that person.
///
/// # Errors
/// The first argument that is wrong, or a name that is taken; then nothing was made.
pub async fn add(pool: &PgPool, new: &NewOrganization) -> Result<MadeInvitation, OrganizationError> {
    let name = checked_name(&new.name, "the organization's name", NAME_LENGTH_MAX)?;
    let admin = checked_name(&new.admin, "the administrator's name", NAME_LENGTH_MAX)?;
    let user_name = new.user_name.as_deref().map(|name| checked_name(name, "the user name", USER_NAME_LENGTH_MAX)).transpose()?;
    let slug = checked_slug(&new.slug)?;
    let currency = checked_currency(&new.currency)?;
    let mut transaction = begin(pool).await?;
    let zone = checked_time_zone(&mut transaction, &new.time_zone).await?;
    let organization = Uuid::now_v7();
    let made = sqlx::query(
        "INSERT INTO organizations (id, organization_id, name, slug, status, time_zone, currency) VALUES ($1, $1, $2, $3, 'active', $4, $5)",
    )
    .bind(organization)
    .bind(name)
    .bind(&slug)
    .bind(zone)
    .bind(currency)
    .execute(&mut *transaction)
    .await;
    or_taken(made, || OrganizationError::SlugTaken(slug.clone()))?;
    let person = Uuid::now_v7();
    let (first, last) = admin.split_once(' ').unwrap_or((&admin, ""));
    let made = sqlx::query(
        "INSERT INTO users (id, organization_id, user_name, full_name, first_name, last_name, role) VALUES ($1, $2, $3, $4, $5, $6, 'admin')",
    )
    .bind(person)
    .bind(organization)
    .bind(&user_name)
    .bind(&admin)
    .bind(first)
    .bind(last.trim())
    .execute(&mut *transaction)
    .await;
    or_taken(made, || OrganizationError::UserNameTaken(user_name.clone().unwrap_or_default()))?;
    let invitation = invite(&mut transaction, organization, person).await?;
    transaction.commit().await?;
    Ok(invitation)
}

/// All organizations that are not deleted, by their slugs.
///
/// # Errors
/// When the database does not answer.
pub async fn list(pool: &PgPool) -> Result<Vec<Listed>, OrganizationError> {
    check_migrated(pool).await?;
    Ok(sqlx::query_as(
        "SELECT o.slug, o.name, o.status, o.time_zone, o.currency, count(u.id) AS people, \
             count(u.id) FILTER (WHERE u.password_hash <> '') AS with_password \
         FROM organizations o LEFT JOIN users u ON u.organization_id = o.id AND u.deleted_at IS NULL \
         WHERE o.deleted_at IS NULL GROUP BY o.id ORDER BY o.slug",
    )
    .fetch_all(pool)
    .await?)
}

/// Suspends an organization: its people cannot sign in, push or pull, and their laptops keep their work. Suspending it again changes nothing.
///
/// # Errors
/// [`OrganizationError::NoOrganization`], also for a closed one.
pub async fn suspend(pool: &PgPool, slug: &str) -> Result<(), OrganizationError> {
    change_status(pool, slug, "UPDATE organizations SET status = 'suspended' WHERE id = $1").await
}

/// Resumes a suspended organization: its laptops go on by themselves. Resuming one that is not suspended changes nothing.
///
/// # Errors
/// [`OrganizationError::NoOrganization`], also for a closed one.
pub async fn resume(pool: &PgPool, slug: &str) -> Result<(), OrganizationError> {
    change_status(pool, slug, "UPDATE organizations SET status = 'active' WHERE id = $1 AND status = 'suspended'").await
}

async fn change_status(pool: &PgPool, slug: &str, sql: &'static str) -> Result<(), OrganizationError> {
    let mut transaction = begin(pool).await?;
    let organization = match find(&mut transaction, slug).await? {
        (_, true) => return Err(OrganizationError::NoOrganization(slug.to_owned())),
        (organization, false) => organization,
    };
    sqlx::query(sql).bind(organization).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// The organization with a slug, locked, and whether it is closed. Found before it is changed: an update that changes nothing does not
/// count as one, so the count of changed rows does not tell whether there is such an organization.
async fn find(connection: &mut PgConnection, slug: &str) -> Result<(Uuid, bool), OrganizationError> {
    let found: Option<(Uuid, bool)> =
        sqlx::query_as("SELECT id, status = 'closed' FROM organizations WHERE slug = $1 AND deleted_at IS NULL FOR NO KEY UPDATE")
            .bind(slug.trim())
            .fetch_optional(connection)
            .await?;
    found.ok_or_else(|| OrganizationError::NoOrganization(slug.to_owned()))
}

/// Gives an organization another name, another slug, or both.
///
/// # Errors
/// [`OrganizationError::NoOrganization`], or what is wrong with the name or the slug.
pub async fn rename(pool: &PgPool, slug: &str, name: Option<&str>, new_slug: Option<&str>) -> Result<(), OrganizationError> {
    let name = name.map(|name| checked_name(name, "the organization's name", NAME_LENGTH_MAX)).transpose()?;
    let new_slug = new_slug.map(checked_slug).transpose()?;
    let mut transaction = begin(pool).await?;
    let (organization, _) = find(&mut transaction, slug).await?;
    let renamed = sqlx::query("UPDATE organizations SET name = coalesce($2, name), slug = coalesce($3, slug) WHERE id = $1")
        .bind(organization)
        .bind(name)
        .bind(&new_slug)
        .execute(&mut *transaction)
        .await;
    or_taken(renamed, || OrganizationError::SlugTaken(new_slug.clone().unwrap_or_default()))?;
    Ok(transaction.commit().await?)
}

/// Makes a new code for somebody whose password is lost, such as the only administrator: the old password stops working at once.
///
/// # Errors
/// [`OrganizationError::NoAccount`] or [`OrganizationError::AccountClosed`].
pub async fn reset_password(pool: &PgPool, slug: &str, user_name: &str) -> Result<MadeInvitation, OrganizationError> {
    let mut transaction = begin(pool).await?;
    let (organization, _) = find(&mut transaction, slug).await?;
    let person: Option<(Uuid, bool)> = sqlx::query_as(
        "SELECT id, deleted_at IS NULL AND status <> 'suspended' FROM users \
         WHERE organization_id = $1 AND (lower(user_name) = lower($2) OR lower(email) = lower($2)) ORDER BY user_name IS NULL LIMIT 1",
    )
    .bind(organization)
    .bind(user_name.trim())
    .fetch_optional(&mut *transaction)
    .await?;
    let person = match person {
        None => return Err(OrganizationError::NoAccount(user_name.to_owned())),
        Some((_, false)) => return Err(OrganizationError::AccountClosed(user_name.to_owned())),
        Some((person, true)) => person,
    };
    let invitation = invite(&mut transaction, organization, person).await?;
    transaction.commit().await?;
    Ok(invitation)
}

/// Begins a transaction whose changes running servers are notified of at its commit, as of plain SQL: this process serves nobody, so
/// it has no other way to tell them.
async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, OrganizationError> {
    check_migrated(pool).await?;
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT set_config('waystation.server', 'off', true)").execute(&mut *transaction).await?;
    Ok(transaction)
}

async fn check_migrated(pool: &PgPool) -> Result<(), OrganizationError> {
    if crate::database::is_migrated(pool).await.unwrap_or(false) { Ok(()) } else { Err(OrganizationError::NotMigrated) }
}

async fn invite(connection: &mut PgConnection, organization: Uuid, person: Uuid) -> Result<MadeInvitation, OrganizationError> {
    let invited = Invited { organization, people: &[person], reset_passwords: true };
    let made = make_inside(connection, &invited, None).await?;
    made.invitations.into_iter().next().ok_or_else(|| Failure::broken("the person was not invited").into())
}

/// The result, with another error where a unique key refused the row.
fn or_taken<T>(result: Result<T, sqlx::Error>, taken: impl FnOnce() -> OrganizationError) -> Result<T, OrganizationError> {
    result.map_err(|error| match &error {
        sqlx::Error::Database(refused) if refused.is_unique_violation() => taken(),
        _ => error.into(),
    })
}

fn checked_name(text: &str, what: &'static str, max: usize) -> Result<String, OrganizationError> {
    let name = text.trim();
    let fits = (1..=max).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(OrganizationError::BadName { what, max }) }
}

fn checked_slug(text: &str) -> Result<String, OrganizationError> {
    let slug = text.trim();
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let fits = (1..=SLUG_LENGTH_MAX).contains(&slug.len()) && slug.chars().all(allowed) && !slug.starts_with('-') && !slug.ends_with('-');
    if fits { Ok(slug.to_owned()) } else { Err(OrganizationError::BadSlug(text.to_owned())) }
}

fn checked_currency(text: &str) -> Result<String, OrganizationError> {
    let currency = text.trim().to_ascii_uppercase();
    let fits = currency.len() == 3 && currency.chars().all(|letter| letter.is_ascii_uppercase());
    if fits { Ok(currency) } else { Err(OrganizationError::BadCurrency(text.to_owned())) }
}

/// The zone's name as PostgreSQL spells it. Abbreviations such as `MSK` are no zones: they do not know summer time.
async fn checked_time_zone(connection: &mut PgConnection, text: &str) -> Result<String, OrganizationError> {
    let sql = "SELECT name FROM pg_timezone_names WHERE lower(name) = lower($1) AND name NOT LIKE 'posix%' ORDER BY name LIMIT 1";
    let known: Option<String> = sqlx::query_scalar(sql).bind(text.trim()).fetch_optional(connection).await?;
    known.filter(|name| name.contains('/') || name == "UTC").ok_or_else(|| OrganizationError::BadTimeZone(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_currencies_and_names_are_checked() {
        assert_eq!(checked_slug(" caspian-fuel2 ").expect("a slug"), "caspian-fuel2");
        for slug in ["", "-", "a-", "-a", "Caspian", "cas pian", "cas_pian", "школа", &"a".repeat(64)] {
            assert!(matches!(checked_slug(slug), Err(OrganizationError::BadSlug(_))), "{slug}");
        }
        assert_eq!(checked_currency(" azn").expect("a currency"), "AZN");
        for currency in ["", "AZ", "AZNN", "A1N", "₼₼₼"] {
            assert!(matches!(checked_currency(currency), Err(OrganizationError::BadCurrency(_))), "{currency}");
        }
        assert_eq!(checked_name(" Gülnar ", "x", 6).expect("a name"), "Gülnar");
        for name in ["", " ", "a\nb", "Gülnar2"] {
            assert!(matches!(checked_name(name, "x", 6), Err(OrganizationError::BadName { .. })), "{name}");
        }
    }
}
