//! The hash chain over a device's mutations. It distinguishes a repeated push from a push of a copied database.
//!
//! `content` of a mutation is the first eight bytes of SHA-256 over its canonical text (see [`crate::wire::Mutation::canonical`]).
//! `chain(n)` is SHA-256 over `chain(n-1)` (32 bytes) and `content(n)` (8 bytes); `chain(0)` is 32 zero bytes.

use sha2::{Digest, Sha256};

/// The SHA-256 hash of all mutations up to a number.
pub type Chain = [u8; 32];
/// Bytes of one mutation's content hash.
pub const CONTENT_HASH_BYTES: usize = 8;
/// The chain before the first mutation.
pub const CHAIN_START: Chain = [0; 32];

/// The content hash of one mutation's canonical text.
pub fn content_hash(canonical: &[u8]) -> [u8; CONTENT_HASH_BYTES] {
    let digest = Sha256::digest(canonical);
    let mut hash = [0u8; CONTENT_HASH_BYTES];
    hash.copy_from_slice(&digest[..CONTENT_HASH_BYTES]);
    hash
}

/// The chain after one more mutation.
pub fn extend(chain: &Chain, content: &[u8; CONTENT_HASH_BYTES]) -> Chain {
    let mut hasher = Sha256::new();
    hasher.update(chain);
    hasher.update(content);
    hasher.finalize().into()
}
