//! Finds the accounts that a sign-in name refers to, and the rate-limit buckets that a guess takes from.

use sqlx::PgPool;
use uuid::Uuid;

use super::session::{AccountState, account_state};
use crate::failure::Failure;

/// An account whose user name or e-mail address is the given name.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account.
    pub id: Uuid,
    /// Its organization.
    pub organization_id: Uuid,
    /// The organization's name.
    pub organization_name: String,
    /// The user name.
    pub user_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The person's full name.
    pub full_name: String,
    /// The role.
    pub role: String,
    /// Whether the account and its organization are open.
    pub state: AccountState,
    /// The stored hash; none for an account that cannot sign in.
    pub password_hash: Option<String>,
}

/// The accounts that a typed name refers to.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name in PostgreSQL's lower case, so that spellings which differ only in case share buckets, whether or not there is such
    /// an account.
    pub folded: String,
    /// At most two. Two accounts match where one person's user name is another person's address, which is refused for new accounts:
    /// then the password decides.
    pub accounts: Vec<Account>,
}

#[derive(sqlx::FromRow)]
struct Row {
    folded: String,
    id: Option<Uuid>,
    organization_id: Option<Uuid>,
    organization_name: Option<String>,
    user_name: Option<String>,
    email: Option<String>,
    full_name: Option<String>,
    role: Option<String>,
    is_closed: Option<bool>,
    is_suspended: Option<bool>,
    password_hash: Option<String>,
}

impl Row {
    fn account(self) -> Option<Account> {
        Some(Account {
            id: self.id?,
            organization_id: self.organization_id?,
            organization_name: self.organization_name?,
            user_name: self.user_name,
            email: self.email,
            full_name: self.full_name?,
            role: self.role?,
            state: AccountState { is_closed: self.is_closed?, is_suspended: self.is_suspended? },
            password_hash: self.password_hash,
        })
    }
}

/// The accounts whose user name or e-mail address this is.
pub async fn find(pool: &PgPool, name: &str) -> Result<Named, Failure> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT n.folded, u.id, u.organization_id, o.name AS organization_name, u.user_name, u.email, u.full_name, u.role, u.password_hash, ",
        account_state!(),
        " FROM (SELECT lower($1) AS folded) n \
         LEFT JOIN users u ON lower(u.user_name) = lower($1) OR lower(u.email) = lower($1) \
         LEFT JOIN organizations o ON o.id = u.organization_id ORDER BY u.id LIMIT 2",
    ))
    .bind(name)
    .fetch_all(pool)
    .await?;
    let folded = rows.first().map_or_else(|| name.to_lowercase(), |row| row.folded.clone());
    Ok(Named { folded, accounts: rows.into_iter().filter_map(Row::account).collect() })
}

/// The buckets that a guess takes from.
#[derive(Debug, Clone)]
pub struct Attempts {
    /// One for each account that is compared, in their order.
    pub buckets: Vec<String>,
    /// Whether the device belongs to one of the accounts.
    pub is_known_device: bool,
}

/// Each compared account has a bucket per name and account. So opening one account refills no attempts of another, and a refusal
/// reveals neither that a name and an address belong to one account nor that a name belongs to none. A laptop on which the owner
/// has signed in before has its own bucket, so guessing from elsewhere cannot lock the owner out.
pub async fn attempts(pool: &PgPool, named: &Named, device: Option<Uuid>) -> Result<Attempts, Failure> {
    let Named { folded, accounts } = named;
    if accounts.is_empty() {
        return Ok(Attempts { buckets: vec![format!("name:{folded}")], is_known_device: false });
    }
    let owner = match device {
        Some(device) => owner_of(pool, device, accounts).await?,
        None => None,
    };
    let bucket = |account: &Account| match device {
        Some(device) if owner == Some(account.id) => format!("device:{device}"),
        _ => format!("name:{folded}:{}", account.id),
    };
    Ok(Attempts { buckets: accounts.iter().map(bucket).collect(), is_known_device: owner.is_some() })
}

/// The one of these accounts that owns the device.
async fn owner_of(pool: &PgPool, device: Uuid, accounts: &[Account]) -> Result<Option<Uuid>, Failure> {
    let users: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
    let sql = "SELECT user_id FROM devices WHERE id = $1 AND user_id = ANY($2) AND revoked_at IS NULL";
    Ok(sqlx::query_scalar(sql).bind(device).bind(&users).fetch_optional(pool).await?)
}
