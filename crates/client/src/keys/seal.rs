//! Wraps a key: Argon2id for the password, HKDF to mix in the laptop's secret, XChaCha20-Poly1305 to seal.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{ClientError, Result};

/// The Argon2id parameters: the cost of one password guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Parallel lanes.
    pub lanes: u32,
}

impl KeyCost {
    /// RFC 9106's second recommended option: 64 MiB, three passes. About a quarter of a second on an old laptop.
    pub const SAFE: KeyCost = KeyCost { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
    /// The minimum that Argon2id accepts. For tests only.
    pub const TESTS_ONLY: KeyCost = KeyCost { memory_kib: 8, passes: 1, lanes: 1 };
    /// Limits for the cost in a key file. This program never writes more.
    const MEMORY_KIB_MAX: u32 = 1024 * 1024;
    const PASSES_MAX: u32 = 64;
}

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 24;
/// Bytes of a salt.
pub(super) const SALT_BYTES: usize = 16;

pub(super) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// Derives a key from a password, with the laptop's secret mixed in where there is one.
pub(super) fn password_key(cost: KeyCost, password: &str, salt: &[u8], laptop: Option<&[u8]>) -> Result<Key> {
    let damaged = |what: &dyn std::fmt::Display| ClientError::Damaged(format!("the key file's cost: {what}"));
    if cost.memory_kib > KeyCost::MEMORY_KIB_MAX || cost.passes > KeyCost::PASSES_MAX {
        return Err(damaged(&"beyond every limit"));
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_BYTES)).map_err(|error| damaged(&error))?;
    let mut password_hash = Zeroizing::new([0; KEY_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, password_hash.as_mut())
        .map_err(|error| damaged(&error))?;
    Ok(derive(laptop, password_hash.as_slice(), b"waystation password slot 1"))
}

/// Derives a key from a device's secret. The secret is random, so no slow hash is needed.
pub(super) fn secret_key(secret: &[u8]) -> Key {
    derive(None, secret, b"waystation recovery slot 1")
}

fn derive(salt: Option<&[u8]>, input: &[u8], purpose: &[u8]) -> Key {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    Hkdf::<Sha256>::new(salt, input).expand(purpose, key.as_mut()).expect("32 bytes are within what HKDF gives");
    key
}

/// Encrypts `secret` with this key and with `purpose` as associated data.
pub(super) fn seal(key: &Key, nonce: &[u8; NONCE_BYTES], secret: &[u8], purpose: &[u8]) -> Vec<u8> {
    XChaCha20Poly1305::new(&(**key).into())
        .encrypt(&XNonce::from(*nonce), Payload { msg: secret, aad: purpose })
        .expect("a key's few bytes are within what the cipher takes")
}

/// Decrypts what [`seal`] has made; none when the key, the purpose or any bit differs.
pub(super) fn open(key: &Key, nonce: &[u8], sealed: &[u8], purpose: &[u8]) -> Option<Key> {
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    let opened = XChaCha20Poly1305::new(&(**key).into())
        .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: purpose })
        .ok()
        .map(Zeroizing::new)?;
    let key: [u8; KEY_BYTES] = opened.as_slice().try_into().ok()?;
    Some(Zeroizing::new(key))
}
