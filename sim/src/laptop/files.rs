//! A laptop's downloads: the real fetch, from a source that aborts, restarts or sends wrong bytes, and with power cuts.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use waystation_client::environment::Disk;
use waystation_client::error::{ClientError, Result};
use waystation_client::media::MediaFolder;
use waystation_client::media::fetch::{Chunks, Content, Source, Wanted, fetch};
use waystation_model::Code;

use crate::disk::Folder;
use crate::faults::{Fault, Faults, Finding};
use crate::random::Random;

/// Size of the only file.
const FILE_BYTES: usize = 40_000;
/// Largest chunk in which it is sent.
const PIECE_BYTES_MAX: usize = 9_000;

/// The files of one laptop.
pub(super) struct FilesHere {
    folder: Folder,
}

/// A disk whose free space is unknown, so that it never counts as full.
struct UnknownSpace;

impl Disk for UnknownSpace {
    fn free_bytes(&self, _folder: &Path) -> Option<u64> {
        None
    }
}

/// The failure of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Succeeds,
    /// The connection fails.
    ConnectionFails,
    /// The content ends too early, without an error.
    TooShort,
    /// Wrong bytes are sent.
    WrongBytes,
    /// The power is cut.
    PowerCut,
}

struct Faulty<'n> {
    how: How,
    random: Mutex<Random>,
    /// Number of chunks before the failure.
    pieces: usize,
    cut: &'n Notify,
}

struct Pieces<'n> {
    rest: Vec<Bytes>,
    how: How,
    left: usize,
    cut: &'n Notify,
}

fn file() -> Vec<u8> {
    (0..FILE_BYTES).map(|index| (index % 251) as u8 ^ (index / 977) as u8).collect()
}

/// The hash of the file, which is its name.
fn sha256() -> String {
    hex::encode(Sha256::digest(file()))
}

impl<'n> Source for Faulty<'n> {
    type Chunks = Pieces<'n>;

    async fn content(&self, _sha256: &str, from: u64) -> Result<Content<Pieces<'n>>> {
        let mut random = self.random.lock().expect("one thread");
        // Not every server supports ranges.
        let from = if random.one_in(4) { 0 } else { from };
        let mut bytes = file().split_off(usize::try_from(from).expect("a small file"));
        if self.how == How::WrongBytes && !bytes.is_empty() {
            let index = random.below(bytes.len());
            bytes[index] ^= 0x55;
        }
        let mut rest = Vec::new();
        while !bytes.is_empty() {
            let piece = (1 + random.below(PIECE_BYTES_MAX)).min(bytes.len());
            rest.push(Bytes::from(bytes.drain(..piece).collect::<Vec<u8>>()));
        }
        rest.reverse();
        Ok(Content { from, length: None, chunks: Pieces { rest, how: self.how, left: self.pieces, cut: self.cut } })
    }
}

impl Chunks for Pieces<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.left == 0 {
            match self.how {
                How::ConnectionFails => return Err(ClientError::refused(Code::Offline, "the connection broke")),
                How::TooShort => return Ok(None),
                How::PowerCut => {
                    self.cut.notify_one();
                    std::future::pending::<()>().await;
                }
                How::Succeeds | How::WrongBytes => {}
            }
        }
        self.left = self.left.saturating_sub(1);
        Ok(self.rest.pop())
    }
}

impl FilesHere {
    pub(super) fn new() -> std::io::Result<FilesHere> {
        Ok(FilesHere { folder: Folder::new()? })
    }

    /// Fetches the file until the failure.
    pub(super) fn fetch(&self, random: &mut Random, faults: &Faults) -> Result<(), Finding> {
        let how = *random
            .pick(&[How::Succeeds, How::ConnectionFails, How::TooShort, How::WrongBytes, How::PowerCut, How::PowerCut])
            .unwrap_or(&How::Succeeds);
        self.attempt(how, random)?;
        if how == How::PowerCut {
            self.tear(random).map_err(|error| Finding(error.to_string()))?;
        }
        if faults.has(Fault::NameTooEarly) {
            let part = self.folder.path().join(format!("{}.part", sha256()));
            let _ = fs::rename(part, self.folder.path().join(sha256()));
        }
        self.check()
    }

    /// Fetches the file without a failure.
    pub(super) fn download(&self, random: &mut Random) -> Result<(), Finding> {
        self.attempt(How::Succeeds, random)?;
        self.check()?;
        if self.folder.path().join(sha256()).is_file() {
            Ok(())
        } else {
            Finding::of("a file is missing after a download without failures")
        }
    }

    fn attempt(&self, how: How, random: &mut Random) -> Result<(), Finding> {
        let broken = |error: &dyn std::fmt::Display| Finding(format!("a download: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| broken(&error))?;
        let folder = MediaFolder::open(self.folder.path()).map_err(|error| broken(&error))?;
        let cut = Notify::new();
        let source = Faulty { how, pieces: random.below(8), random: Mutex::new(Random::of(random.number())), cut: &cut };
        let wanted = Wanted { sha256: sha256(), size_bytes: (!random.one_in(4)).then_some(FILE_BYTES as u64) };
        let fetched = runtime.block_on(async {
            tokio::select! {
                biased;
                fetched = fetch(&folder, &UnknownSpace, &source, &wanted, &|_| {}) => Some(fetched),
                () = cut.notified() => None,
            }
        });
        match fetched {
            Some(Err(ClientError::Refused(problem)))
                if matches!(problem.code, Code::Offline | Code::FileDamaged) && how != How::Succeeds =>
            {
                Ok(())
            }
            Some(Err(error)) => Finding::of(format!("a download that goes {how:?} ends with {error}")),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Truncates and damages the part of the file that was not synced to the disk.
    fn tear(&self, random: &mut Random) -> std::io::Result<()> {
        let part = self.folder.path().join(format!("{}.part", sha256()));
        let Ok(mut bytes) = fs::read(&part) else { return Ok(()) };
        bytes.truncate(random.below(bytes.len() + 1));
        if random.one_in(3) {
            let torn = random.below(bytes.len() + 1);
            bytes[torn..].fill(0);
        }
        fs::write(&part, bytes)
    }

    /// Checks that only a complete file has its final name.
    fn check(&self) -> Result<(), Finding> {
        match fs::read(self.folder.path().join(sha256())) {
            Ok(bytes) if bytes != file() => Finding::of("a file with its final name has wrong content"),
            _ => Ok(()),
        }
    }
}
