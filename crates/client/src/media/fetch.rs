//! Fetches one file: resumes where it was interrupted, hashes while it receives, and gives the file its final name only when
//! the hash matches.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::CONTENT_RANGE;
use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use waystation_model::Code;

use super::MediaFolder;
use crate::environment::Disk;
use crate::error::{ClientError, Result};
use crate::sync::session::Session;

/// How often a file with a wrong hash is fetched from its start before the error is reported.
const DAMAGED_MAX: u32 = 3;
/// Bytes read at a time when a partial file is hashed again.
const READ_BYTES: usize = 256 * 1024;
/// Bytes of the disk that downloads leave free for the databases.
const DISK_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The SHA-256 of its content, in lower-case hex.
    pub sha256: String,
    /// Its size, when it is known.
    pub size_bytes: Option<u64>,
}

/// Where files come from. The simulator has a source that breaks off at any byte.
pub trait Source: Sync {
    /// The stream of bytes.
    type Chunks: Chunks + Send;
    /// Begins to send a file, from this byte on when the source supports that.
    ///
    /// # Errors
    /// When the source cannot send it.
    fn content(&self, sha256: &str, from: u64) -> impl Future<Output = Result<Content<Self::Chunks>>> + Send;
}

/// A file that is being sent.
pub struct Content<C> {
    /// The offset of the first byte: the requested one, or 0 when the source does not support ranges.
    pub from: u64,
    /// How many bytes are still to come, when the source states it.
    pub length: Option<u64>,
    /// The bytes.
    pub chunks: C,
}

/// A stream of bytes.
pub trait Chunks {
    /// The next chunk; none at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

impl Chunks for reqwest::Response {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        Ok(self.chunk().await?)
    }
}

impl Source for Session {
    type Chunks = reqwest::Response;

    async fn content(&self, sha256: &str, from: u64) -> Result<Content<reqwest::Response>> {
        let answer = self
            .with_token(|link, token| {
                let sha256 = sha256.to_owned();
                async move { link.content(&token, &sha256, from).await }
            })
            .await?;
        let goes_on = answer.status() == StatusCode::PARTIAL_CONTENT
            && answer
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|value| value.to_str().ok())
                .is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
        Ok(Content { from: if goes_on { from } else { 0 }, length: answer.content_length(), chunks: answer })
    }
}

/// Fetches a file until it is complete and its hash matches. `progress` is called with the bytes fetched so far.
///
/// # Errors
/// `file_damaged` when the hash is wrong repeatedly, `disk_full`, `offline`, or the server's refusal.
pub async fn fetch(
    folder: &MediaFolder,
    disk: &dyn Disk,
    source: &impl Source,
    wanted: &Wanted,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<()> {
    // Another person may have fetched it meanwhile, or a crash happened after the rename and before the list was updated.
    if folder.has(&wanted.sha256) {
        return Ok(());
    }
    for _ in 0..DAMAGED_MAX {
        let part = folder.part(&wanted.sha256);
        let mut part_file = PartialFile::open(&part, wanted.size_bytes).await?;
        progress(part_file.bytes);
        if wanted.size_bytes.is_none_or(|size_bytes| part_file.bytes < size_bytes) {
            let needed = wanted.size_bytes.map_or(0, |size_bytes| size_bytes - part_file.bytes) + DISK_RESERVE_BYTES;
            if disk.free_bytes(folder.path()).is_some_and(|free| free < needed) {
                return Err(ClientError::refused(Code::DiskFull, "no room for the file"));
            }
            part_file.receive(source, wanted, progress).await?;
        }
        if part_file.finish().await? == wanted.sha256 {
            return folder.keep(&wanted.sha256);
        }
        tracing::warn!(sha256 = wanted.sha256, "a file was received damaged and is fetched again");
        folder.remove(&wanted.sha256)?;
    }
    Err(ClientError::refused(Code::FileDamaged, "the file does not have the promised content"))
}

/// A partial file, with the hash of its bytes.
struct PartialFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    hash: Sha256,
}

impl PartialFile {
    /// Opens the part that an earlier run has fetched and hashes it again, because a crash may have damaged it.
    async fn open(path: &Path, size_bytes: Option<u64>) -> Result<PartialFile> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).await.map_err(ClientError::disk(path))?;
        let mut part_file = PartialFile { path: path.to_owned(), file, bytes: 0, hash: Sha256::new() };
        let length = part_file.file.metadata().await.map_err(ClientError::disk(path))?.len();
        // Without a size it is not known how much is missing, so the part is not reused.
        if size_bytes.is_none_or(|size_bytes| length > size_bytes) {
            part_file.start_again().await?;
        }
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = part_file.file.read(&mut buffer).await.map_err(ClientError::disk(path))?;
            if read == 0 {
                return Ok(part_file);
            }
            part_file.hash.update(&buffer[..read]);
            part_file.bytes += read as u64;
        }
    }

    async fn start_again(&mut self) -> Result<()> {
        self.file.set_len(0).await.map_err(ClientError::disk(&self.path))?;
        self.file.rewind().await.map_err(ClientError::disk(&self.path))?;
        self.bytes = 0;
        self.hash = Sha256::new();
        Ok(())
    }

    async fn receive(&mut self, source: &impl Source, wanted: &Wanted, progress: &(dyn Fn(u64) + Sync)) -> Result<()> {
        let Content { from, length, mut chunks } = source.content(&wanted.sha256, self.bytes).await?;
        if from != self.bytes {
            // A server without ranges sends the whole file.
            self.start_again().await?;
        }
        let size_bytes = wanted.size_bytes.or(length);
        let ended = loop {
            match chunks.next().await {
                Ok(Some(chunk)) => {
                    self.bytes += chunk.len() as u64;
                    if size_bytes.is_some_and(|size_bytes| self.bytes > size_bytes) {
                        // More bytes than announced: it is another file, and the hash check fails.
                        return Ok(());
                    }
                    self.hash.update(&chunk);
                    self.file.write_all(&chunk).await.map_err(ClientError::disk(&self.path))?;
                    progress(self.bytes);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        // After an interruption the next attempt resumes from the bytes that were received.
        self.file.flush().await.map_err(ClientError::disk(&self.path))?;
        match ended {
            Some(error) => Err(error),
            None if size_bytes.is_some_and(|size_bytes| self.bytes < size_bytes) => {
                Err(ClientError::refused(Code::Offline, "the connection ended in the middle of a file"))
            }
            None => Ok(()),
        }
    }

    /// Syncs the file to the disk and returns its hash.
    async fn finish(mut self) -> Result<String> {
        self.file.flush().await.map_err(ClientError::disk(&self.path))?;
        self.file.sync_all().await.map_err(ClientError::disk(&self.path))?;
        Ok(hex::encode(self.hash.finalize()))
    }
}
