//! `row-hash-1`: the portable row hash. The sum over a scope's rows tells whether a laptop has the same rows as the server.
//!
//! `H(entity, id, stamp)` is the first eight bytes, big-endian, of SHA-256 over the ASCII text
//! `entity:id:stamp`, with the id in lower-case hyphenated form and the stamp in decimal.
//! A scope's checksum is the sum of `H` over its live rows, modulo 2^64, written as a signed 64-bit number.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The hash of one live row.
pub fn row_hash(entity: &str, id: &Uuid, stamp: i64) -> i64 {
    let mut id_text = [0u8; uuid::fmt::Hyphenated::LENGTH];
    let id_text = id.hyphenated().encode_lower(&mut id_text);
    first_eight_bytes(&[entity.as_bytes(), b":", id_text.as_bytes(), b":", stamp.to_string().as_bytes()])
}

/// The hash of one cursor in a digest of cursors: the same construction over `scope:version`.
pub fn cursor_hash(scope: &str, version: i64) -> i64 {
    first_eight_bytes(&[scope.as_bytes(), b":", version.to_string().as_bytes()])
}

/// The digest of a whole set of cursors. Adding is commutative, so the order does not matter.
pub fn cursors_digest<'a>(cursors: impl IntoIterator<Item = (&'a str, i64)>) -> i64 {
    cursors.into_iter().fold(0i64, |sum, (scope, version)| sum.wrapping_add(cursor_hash(scope, version)))
}

fn first_eight_bytes(parts: &[&[u8]]) -> i64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut eight = [0u8; 8];
    eight.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_hash_is_the_published_one() {
        let id = Uuid::from_u128(1);
        // printf 'topics:00000000-0000-0000-0000-000000000001:42' | sha256sum | head -c 16
        assert_eq!(row_hash("topics", &id, 42), i64::from_be_bytes(reference(b"topics:00000000-0000-0000-0000-000000000001:42")));
    }

    fn reference(text: &[u8]) -> [u8; 8] {
        let digest = Sha256::digest(text);
        [digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]]
    }

    #[test]
    fn the_digest_ignores_order_and_depends_on_every_version() {
        let a = cursors_digest([("org:1", 4), ("user:2", 7)]);
        assert_eq!(a, cursors_digest([("user:2", 7), ("org:1", 4)]));
        assert_ne!(a, cursors_digest([("user:2", 8), ("org:1", 4)]));
    }
}
