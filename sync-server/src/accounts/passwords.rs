//! Password hashes: Argon2id for new ones; Django's PBKDF2 and bcrypt are accepted, and rehashed at the next sign-in.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use super::imported::{Imported, MostRounds};

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

/// A hash of no password: checking a name without an account, or an account without a hash of ours, does the same work.
static NOBODYS_HASH: LazyLock<String> = LazyLock::new(|| hash_password("nobody").unwrap_or_default());

/// Whether the password fits the stored hash, and whether the hash is one to replace. It does the same work whatever is stored:
/// a hash of ours, and of every kind of imported hash the most there is.
pub fn check_password(password: &str, stored: Option<&str>, most: &MostRounds) -> (bool, bool) {
    if password.len() > PASSWORD_BYTES_MAX {
        return (false, false);
    }
    let ours = stored.filter(|stored| is_ours(stored));
    let fits_ours = fits_argon2(password, ours.unwrap_or(&NOBODYS_HASH));
    let imported = stored.and_then(Imported::read);
    let fits_imported = imported.zip(stored).is_some_and(|(imported, stored)| imported.fits(password, stored));
    most.rest(imported).into_iter().for_each(|rest| rest.spend(password));
    (if imported.is_some() { fits_imported } else { ours.is_some() && fits_ours }, imported.is_some())
}

fn is_ours(stored: &str) -> bool {
    stored.starts_with("$argon2") && PasswordHash::new(stored).is_ok()
}

fn fits_argon2(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|parsed| hasher().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify_password(password: &str, stored: &str) -> (bool, bool) {
        check_password(password, Some(stored), &MostRounds::default())
    }

    #[test]
    fn an_account_without_a_hash_is_opened_by_no_password() {
        for password in ["", "nobody", "secret"] {
            assert_eq!(check_password(password, None, &MostRounds::default()), (false, false));
            assert!(!verify_password(password, "!").0);
        }
    }

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
