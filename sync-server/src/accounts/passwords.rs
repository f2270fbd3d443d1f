//! Password hashes: Argon2id for new ones; Django's PBKDF2 and bcrypt are accepted, and rehashed at the next sign-in.

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::PasswordVerifier as _;
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory of one hash in KiB, passes and lanes: OWASP's second choice, 19 MiB, so that many may sign in at once.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer passwords are refused before they cost anything.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Passwords that are looked at at once: each takes a core and [`MEMORY_KIB`], whoever asks.
pub fn passwords_at_once() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are constants within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash to store for a password. Slow on purpose: call it off the async threads.
///
/// # Errors
/// When the password is too long or the system has no randomness.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err("the password is too long".into());
    }
    let hash = hasher().hash_password(password.as_bytes()).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether the password fits the stored hash, and whether the hash is one to replace.
pub fn verify_password(password: &str, stored: &str) -> (bool, bool) {
    if password.len() > PASSWORD_BYTES_MAX {
        return (false, false);
    }
    if stored.starts_with("$argon2") {
        return match argon2::password_hash::phc::PasswordHash::new(stored) {
            Ok(parsed) => (hasher().verify_password(password.as_bytes(), &parsed).is_ok(), false),
            Err(_) => (false, false),
        };
    }
    if stored.starts_with("$2") {
        return (bcrypt::verify(password, stored).unwrap_or(false), true);
    }
    (djangohashers::check_password(password, stored).unwrap_or(false), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_keep_their_passwords_from_every_system() {
        let argon = hash_password("öyrən-2026").expect("hashes");
        assert_eq!(verify_password("öyrən-2026", &argon), (true, false));
        assert!(!verify_password("oyren-2026", &argon).0);
        let django = djangohashers::make_password_with_settings("secret", "salt", djangohashers::Algorithm::PBKDF2);
        assert_eq!(verify_password("secret", &django), (true, true));
        assert!(!verify_password("Secret", &django).0);
        let bcrypt = bcrypt::hash("secret", 4).expect("hashes");
        assert_eq!(verify_password("secret", &bcrypt), (true, true));
        assert!(!verify_password("wrong", &bcrypt).0);
    }

    #[test]
    fn damaged_hashes_open_nothing() {
        for stored in ["", "!", "$argon2id$broken", "$2b$broken", "pbkdf2_sha256$x"] {
            assert!(!verify_password("secret", stored).0, "{stored}");
            assert!(!verify_password("", stored).0, "{stored}");
        }
    }
}
