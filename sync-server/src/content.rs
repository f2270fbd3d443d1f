//! `GET /v1/content/{sha256}`: a file's bytes, whole or one range, for users who subscribe to the scope of its media row.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use http_range_header::StartPosition;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};
use waystation_model::scope::ScopeKind;
use waystation_model::{Code, Problem};

use crate::access::{RIGHTS_TRIES_MAX, subscription};
use crate::accounts::Session;
use crate::authority::postgres::check_rights_now;
use crate::failure::Failure;
use crate::heads::Subscription;
use crate::settings::ContentSettings;
use crate::state::App;

/// How often a request to S3 is tried again.
const S3_RETRIES_MAX: usize = 2;
/// How long a request to S3 may be tried again.
const S3_RETRY_TIME_MAX: Duration = Duration::from_secs(5);

/// Opens the store of files.
///
/// # Errors
/// When the folder cannot be made, or the S3 settings do not make sense.
pub fn open(settings: &ContentSettings) -> Result<Arc<dyn ObjectStore>, Failure> {
    Ok(match settings {
        ContentSettings::Folder(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| Failure::broken(format!("{}: {error}", folder.display())))?;
            Arc::new(LocalFileSystem::new_with_prefix(folder)?)
        }
        ContentSettings::S3 { endpoint, bucket, region, access_key, secret_key } => Arc::new(
            AmazonS3Builder::new()
                .with_endpoint(endpoint)
                .with_bucket_name(bucket)
                .with_region(region)
                .with_access_key_id(access_key)
                .with_secret_access_key(secret_key)
                .with_allow_http(endpoint.starts_with("http://"))
                .with_virtual_hosted_style_request(false)
                // A laptop waits for the answer: an early error is better, because the laptop retries by itself.
                .with_retry(RetryConfig { max_retries: S3_RETRIES_MAX, retry_timeout: S3_RETRY_TIME_MAX, ..RetryConfig::default() })
                .build()?,
        ),
    })
}

/// Key of a file in the store: two hex digits as a folder, so that no folder grows without bound.
pub fn object_key(sha256: &str) -> ObjectPath {
    ObjectPath::from(format!("media/{}/{sha256}", &sha256[..2]))
}

/// Stores a file under its hash, if it is not there yet.
///
/// # Errors
/// When the store does not take it.
pub async fn store(files: &dyn ObjectStore, sha256: &str, bytes: bytes::Bytes) -> Result<(), Failure> {
    let key = object_key(sha256);
    if files.head(&key).await.is_ok_and(|meta| meta.size == bytes.len() as u64) {
        return Ok(());
    }
    files.put(&key, bytes.into()).await?;
    Ok(())
}

/// Sends a file or a part of it.
///
/// # Errors
/// `not_found` both for missing files and for files of scopes that the user does not subscribe to.
#[utoipa::path(get, path = "/v1/content/{sha256}", security(("access_token" = [])), params(("sha256" = String, Path, description = "SHA-256 of the file, 64 lower-case hex digits.")), responses((status = 200, description = "The whole file."), (status = 206, description = "The range asked for."), (status = 416, description = "The range lies outside of the file."), (status = "default", description = "Every error has this form, under its own status; docs/ERRORS.md lists the codes.", body = waystation_model::Problem)))]
pub async fn content(
    State(app): State<App>,
    session: Session,
    sha256: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let not_found = || Problem::new(Code::NotFound, "no such file");
    let Path(sha256) = sha256.map_err(|_| not_found())?;
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(not_found().into());
    }
    let mut found = Err(Failure::RightsMoved);
    for _ in 0..RIGHTS_TRIES_MAX {
        let subscription = subscription(&app, &session).await?;
        found = media(&app, &session, &subscription, &sha256).await;
        match &found {
            Err(Failure::RightsMoved) => app.heads.forget_subscription(&subscription),
            _ => break,
        }
    }
    let (media_type, size) = found?.ok_or_else(not_found)?;
    let size = u64::try_from(size).map_err(Failure::broken)?;
    let range = match headers.get(RANGE).and_then(|value| value.to_str().ok()) {
        None => None,
        Some(text) => match one_range(text, size) {
            Some(range) => Some(range),
            None => return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, format!("bytes */{size}"))]).into_response()),
        },
    };
    let options = GetOptions { range: range.clone().map(|range| GetRange::Bounded(range.start..range.end)), ..GetOptions::default() };
    let key = object_key(&sha256);
    let found = match app.files.get_opts(&key, options).await {
        Ok(found) if found.meta.size == size => found,
        Err(object_store::Error::NotFound { .. }) => return Err(not_found().into()),
        // An incomplete file cannot be served, and the store refuses a range past its end with an error of its own.
        found => {
            let there = match &found {
                Ok(found) => found.meta.size,
                Err(_) => app.files.head(&key).await?.size,
            };
            if there == size {
                return Err(found.err().map_or_else(|| not_found().into(), Failure::from));
            }
            tracing::error!(sha256, size, there, "a file of the store has another length than it should: bring it back from a backup");
            return Err(not_found().into());
        }
    };
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    let common = [
        (CONTENT_TYPE, media_type),
        (CONTENT_LENGTH, length.to_string()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (ETAG, format!("\"{sha256}\"")),
        (CACHE_CONTROL, "private, immutable".to_owned()),
    ];
    let body = Body::from_stream(found.into_stream().map_err(std::io::Error::other));
    Ok(match range {
        None => (common, body).into_response(),
        Some(range) => {
            (StatusCode::PARTIAL_CONTENT, common, [(CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1))], body)
                .into_response()
        }
    })
}

/// The media type and the size of a file that the caller may read.
async fn media(app: &App, session: &Session, subscription: &Subscription, sha256: &str) -> Result<Option<(String, i64)>, Failure> {
    let organization = subscription.actor.organization_id;
    let courses: Vec<String> = subscription
        .scopes
        .iter()
        .filter_map(|scope| scope.strip_prefix("course:").or(scope.strip_prefix("course_staff:")))
        .map(str::to_owned)
        .collect();
    let mut transaction = app.tenant(session.organization_id).begin().await?;
    session.check_alive(&mut transaction).await?;
    // Only the server sets `ready`. A laptop may write any hash into a row, and could read another organization's file by it.
    let media: Option<(String, i64)> = sqlx::query_as(
        "SELECT coalesce(media_type, 'application/octet-stream'), size_bytes FROM media_assets \
         WHERE sha256 = $1 AND organization_id = $2 AND status = 'ready' AND size_bytes IS NOT NULL \
             AND (course_id::text = ANY($3) OR course_id IS NULL AND $4) LIMIT 1",
    )
    .bind(sha256)
    .bind(organization)
    .bind(courses)
    .bind(subscription.actor.scopes.contains(&ScopeKind::OrgStaff.of(organization)))
    .fetch_optional(&mut *transaction)
    .await?;
    // Checked after the row was read: who has the right now also had it then.
    check_rights_now(&mut transaction, subscription).await?;
    Ok(media)
}

/// The single range of a request, end excluded.
fn one_range(text: &str, size: u64) -> Option<std::ops::Range<u64>> {
    let mut parsed = http_range_header::parse_range_header(text).ok()?;
    for range in &mut parsed.ranges {
        // A suffix longer than the file means the whole file.
        if let StartPosition::FromLast(length) = &mut range.start {
            *length = (*length).min(size);
        }
    }
    let ranges = parsed.validate(size).ok()?;
    let [only] = ranges.as_slice() else { return None };
    Some(*only.start()..*only.end() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_valid_range_is_accepted() {
        assert_eq!(one_range("bytes=0-99", 1000), Some(0..100));
        assert_eq!(one_range("bytes=900-", 1000), Some(900..1000));
        assert_eq!(one_range("bytes=-10", 1000), Some(990..1000));
        assert_eq!(one_range("bytes=-5000", 1000), Some(0..1000));
        for nonsense in ["bytes=1000-", "bytes=5-2", "bytes=0-1,5-6", "lines=1-2", ""] {
            assert_eq!(one_range(nonsense, 1000), None, "{nonsense}");
        }
    }
}
