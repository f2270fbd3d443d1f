//! Password hashes: Argon2id for new ones; Django's PBKDF2 and bcrypt are accepted, and rehashed at the next sign-in.

use std::sync::LazyLock;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::imported::{Imported, MostRounds};

/// Memory of one hash in KiB, passes and lanes: OWASP's second choice, 19 MiB, so that many people can sign in at once.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer passwords are refused before any hashing.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Argon2's working memory. It is reused: freeing blocks of this size each time fragments the heap, and the process never returns
/// the memory.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// Runs `work` with this many blocks of 1 KiB. Memory for an imported hash that needs more than ours is not kept.
    fn with<T>(&mut self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        if blocks > MEMORY_KIB as usize {
            return work(&mut vec![Block::new(); blocks]);
        }
        if self.0.is_empty() {
            self.0 = vec![Block::new(); MEMORY_KIB as usize];
        }
        work(&mut self.0[..blocks])
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The content derives from a password and must not be printed.
        f.debug_tuple("Memory").field(&self.0.len()).finish()
    }
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

/// A dummy hash: checking a name without an account, or an account without an Argon2 hash, does the same work with it.
static DUMMY_HASH: LazyLock<String> = LazyLock::new(|| hash_password("nobody").unwrap_or_default());

/// Whether the password matches the stored hash, and whether the hash is to be replaced. The work is the same whatever is stored:
/// one hash of ours, and the most expensive imported hash of every kind.
pub fn check_password(password: &str, stored: Option<&str>, most: &MostRounds, memory: &mut Memory) -> (bool, bool) {
    if password.len() > PASSWORD_BYTES_MAX {
        return (false, false);
    }
    let ours = stored.filter(|stored| is_ours(stored));
    let argon2 = PasswordHash::new(ours.unwrap_or(&DUMMY_HASH)).ok();
    let fits_ours = argon2.and_then(|parsed| fits_argon2(password, &parsed, memory)).unwrap_or(false);
    let imported = stored.and_then(Imported::read);
    let fits_imported = imported.zip(stored).is_some_and(|(imported, stored)| imported.fits(password, stored));
    most.rest(imported).into_iter().for_each(|rest| rest.spend(password));
    (if imported.is_some() { fits_imported } else { ours.is_some() && fits_ours }, imported.is_some())
}

fn is_ours(stored: &str) -> bool {
    stored.starts_with("$argon2") && PasswordHash::new(stored).is_ok()
}

/// Same as the crate's `verify_password`, but in reused memory. None: the hash is damaged.
fn fits_argon2(password: &str, stored: &PasswordHash, memory: &mut Memory) -> Option<bool> {
    let (salt, expected) = (stored.salt.as_ref()?, stored.hash.as_ref()?);
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = stored.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
    let params = Params::try_from(stored).ok()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(algorithm, version, params);
    let mut bytes = [0; Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..expected.as_ref().len())?;
    memory.with(blocks, |blocks| argon2.hash_password_into_with_memory(password.as_bytes(), salt, bytes, blocks)).ok()?;
    // The crate compares outputs in constant time.
    Some(Output::new(bytes).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify_password(password: &str, stored: &str) -> (bool, bool) {
        check_password(password, Some(stored), &MostRounds::default(), &mut Memory::default())
    }

    #[test]
    fn accounts_without_a_hash_accept_no_password() {
        for password in ["", "nobody", "secret"] {
            assert_eq!(check_password(password, None, &MostRounds::default(), &mut Memory::default()), (false, false));
            assert!(!verify_password(password, "!").0);
        }
    }

    #[test]
    fn imported_hashes_are_accepted_and_marked_for_replacement() {
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
    fn damaged_hashes_accept_no_password() {
        for stored in ["", "!", "$argon2id$broken", "$2b$broken", "pbkdf2_sha256$x"] {
            assert!(!verify_password("secret", stored).0, "{stored}");
            assert!(!verify_password("", stored).0, "{stored}");
        }
    }

    #[test]
    fn memory_is_reused_for_hashes_of_every_size() {
        let mut memory = Memory::default();
        let ours = hash_password("first").expect("hashes");
        let small = "$argon2id$v=19$m=8,t=1,p=1$sQFQp+vy89E$ZPEFgltqevv9Hxi5MOfvxqMknKa6aB4H6DqKgW3sh8A";
        let params = Params::new(MEMORY_KIB + 1_024, 1, 1, None).expect("within the bounds");
        let large = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(b"third").expect("hashes").to_string();
        for (password, stored) in
            [("first", ours.as_str()), ("waystation", small), ("third", &large), ("first", &ours), ("waystation", small)]
        {
            assert_eq!(check_password(password, Some(stored), &MostRounds::default(), &mut memory), (true, false), "{stored}");
            assert!(!check_password("another", Some(stored), &MostRounds::default(), &mut memory).0, "{stored}");
        }
        assert_eq!(memory.0.len(), MEMORY_KIB as usize);
    }
}
