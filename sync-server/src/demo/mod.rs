//! `sync-server demo-data`: creates a realistic organization, once.
//!
//! Its texts, people and files are in `sync-server/demo/`. Every id is derived from a name there, so the data is the same on every
//! machine; only dates are relative to today.

mod courses;
mod domain;
mod insert;
mod months;
mod people;
mod source;
mod stations;

use std::path::Path;

use chrono::NaiveDate;
use object_store::ObjectStore;
use sqlx::PgPool;
use uuid::Uuid;

use crate::accounts::hash_password;
use crate::failure::Failure;
use source::Source;

/// The password of every demonstration user.
pub const DEMONSTRATION_PASSWORD: &str = "waystation";
/// UUIDv5 namespace of the demonstration's ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f4f_2b9d_58a3_5e0e_8a11_6465_6d6f_2d31);

/// The id of something in the demonstration, such as `course:safety-basics`.
pub fn demo_id(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// Fills in the demonstration organization. Returns false when it is there already.
///
/// # Errors
/// When the folder's files are inconsistent, or the database refuses.
pub async fn fill(pool: &PgPool, files: &dyn ObjectStore, folder: &Path, today: NaiveDate) -> Result<bool, Failure> {
    let source = Source::read(folder)?;
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM organizations WHERE slug = $1)")
        .bind(&source.organization.organization.slug)
        .fetch_one(pool)
        .await?;
    if there {
        return Ok(false);
    }
    let organization = demo_id("organization");
    let password_hash =
        tokio::task::spawn_blocking(|| hash_password(DEMONSTRATION_PASSWORD)).await.map_err(Failure::broken)?.map_err(Failure::broken)?;
    courses::store_files(files, folder, &source).await?;

    let mut transaction = pool.begin().await?;
    stations::organization(&mut transaction, organization, &source).await?;
    stations::stations(&mut transaction, organization, &source).await?;
    people::people(&mut transaction, organization, &source, &password_hash).await?;
    courses::courses(&mut transaction, organization, &source).await?;
    people::groups(&mut transaction, organization, &source, today).await?;
    people::enrollments(&mut transaction, organization, &source, today).await?;
    months::attendance(&mut transaction, organization, &source, today).await?;
    months::progress(&mut transaction, organization, &source, today).await?;
    domain::rows(&mut transaction, organization, folder, today).await?;
    transaction.commit().await?;
    Ok(true)
}
