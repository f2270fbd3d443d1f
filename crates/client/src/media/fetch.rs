//! Fetches one file: resumed where it broke off, hashed as it comes, named only when it is what was promised.

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

/// How often a file that came damaged is fetched again from its start before that is told.
const DAMAGED_MAX: u32 = 3;
/// Bytes read at a time when a part is hashed again.
const READ_BYTES: usize = 256 * 1024;
/// Bytes that are left free for the work of the person.
const DISK_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its content.
    pub sha256: String,
    /// Its size, where that is known.
    pub size_bytes: Option<u64>,
}

/// Where files come from. A simulator has one that breaks off wherever it likes.
pub trait Source: Sync {
    /// How the bytes come.
    type Chunks: Chunks + Send;
    /// Begins to send a file, from this byte on where that is possible.
    ///
    /// # Errors
    /// When it cannot be had.
    fn content(&self, sha256: &str, from: u64) -> impl Future<Output = Result<Content<Self::Chunks>>> + Send;
}

/// A file on its way.
pub struct Content<C> {
    /// The byte that comes first: the one that was asked for, or 0 of a source that cannot begin in the middle.
    pub from: u64,
    /// How many bytes are still to come, where the source says so.
    pub length: Option<u64>,
    /// The bytes.
    pub chunks: C,
}

/// Bytes that come piece by piece.
pub trait Chunks {
    /// The next piece; none when there is no more.
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

/// Fetches a file until it is whole and right. `progress` hears how many bytes are here.
///
/// # Errors
/// `file_damaged` when it comes wrong again and again, `disk_full`, `offline`, or the server's refusal.
pub async fn fetch(
    folder: &MediaFolder,
    disk: &dyn Disk,
    source: &impl Source,
    wanted: &Wanted,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<()> {
    // Somebody else may have fetched it meanwhile, or a crash came between its name and the word that it is here.
    if folder.has(&wanted.sha256) {
        return Ok(());
    }
    for _ in 0..DAMAGED_MAX {
        let part = folder.part(&wanted.sha256);
        let mut gathered = Gathered::open(&part, wanted.size_bytes).await?;
        progress(gathered.bytes);
        if wanted.size_bytes.is_none_or(|size_bytes| gathered.bytes < size_bytes) {
            let needed = wanted.size_bytes.map_or(0, |size_bytes| size_bytes - gathered.bytes) + DISK_RESERVE_BYTES;
            if disk.free_bytes(folder.path()).is_some_and(|free| free < needed) {
                return Err(ClientError::refused(Code::DiskFull, "no room for the file"));
            }
            gathered.receive(source, wanted, progress).await?;
        }
        if gathered.finish().await? == wanted.sha256 {
            return folder.keep(&wanted.sha256);
        }
        tracing::warn!(sha256 = wanted.sha256, "a file came damaged and is fetched again");
        folder.remove(&wanted.sha256)?;
    }
    Err(ClientError::refused(Code::FileDamaged, "the file does not have the promised content"))
}

/// What is here of a file, with the hash of it.
struct Gathered {
    path: PathBuf,
    file: File,
    bytes: u64,
    hash: Sha256,
}

impl Gathered {
    /// Opens what an earlier run left and hashes it again: nobody knows what a crash did to it.
    async fn open(path: &Path, size_bytes: Option<u64>) -> Result<Gathered> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).await.map_err(ClientError::disk(path))?;
        let mut gathered = Gathered { path: path.to_owned(), file, bytes: 0, hash: Sha256::new() };
        let length = gathered.file.metadata().await.map_err(ClientError::disk(path))?.len();
        // Without a size nobody can say how much is missing, so nothing is built on.
        if size_bytes.is_none_or(|size_bytes| length > size_bytes) {
            gathered.start_again().await?;
        }
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = gathered.file.read(&mut buffer).await.map_err(ClientError::disk(path))?;
            if read == 0 {
                return Ok(gathered);
            }
            gathered.hash.update(&buffer[..read]);
            gathered.bytes += read as u64;
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
            // A server without ranges sends it all.
            self.start_again().await?;
        }
        let size_bytes = wanted.size_bytes.or(length);
        let ended = loop {
            match chunks.next().await {
                Ok(Some(chunk)) => {
                    self.bytes += chunk.len() as u64;
                    if size_bytes.is_some_and(|size_bytes| self.bytes > size_bytes) {
                        // It can only be another file. Its hash will say so.
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
        // What came before a break is what the next try goes on from.
        self.file.flush().await.map_err(ClientError::disk(&self.path))?;
        match ended {
            Some(error) => Err(error),
            None if size_bytes.is_some_and(|size_bytes| self.bytes < size_bytes) => {
                Err(ClientError::refused(Code::Offline, "the connection ended in the middle of a file"))
            }
            None => Ok(()),
        }
    }

    /// Puts the file on the disk and tells its hash.
    async fn finish(mut self) -> Result<String> {
        self.file.flush().await.map_err(ClientError::disk(&self.path))?;
        self.file.sync_all().await.map_err(ClientError::disk(&self.path))?;
        Ok(hex::encode(self.hash.finalize()))
    }
}
