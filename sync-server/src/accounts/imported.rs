//! Password hashes imported from other systems: what checking one costs, and how every check is made to cost the same.
//!
//! An imported hash takes more or less time than ours, so the time of a refusal would reveal that a name belongs to an account and
//! which system it came from. Therefore every check does the work of the most expensive hash of every imported kind in the
//! database: the check of its own hash, plus dummy work for the rest. Without imported hashes there is no extra work; each of them
//! is replaced at its owner's next sign-in.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::PgPool;

/// The most bcrypt rounds that are accepted: a cost of 14, about a second.
const BCRYPT_ROUNDS_MAX: u32 = 1 << 14;
/// The fewest rounds that bcrypt supports: a cost of 4.
const BCRYPT_ROUNDS_MIN: u32 = 1 << 4;
/// The most PBKDF2 rounds that are accepted: the limit of the library that checks it.
const PBKDF2_ROUNDS_MAX: u32 = 1_500_000;

/// The algorithm of an imported hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// bcrypt, in its own format or in Django's.
    Bcrypt,
    /// Django's PBKDF2 over SHA-256.
    Pbkdf2Sha256,
    /// Django's PBKDF2 over SHA-1.
    Pbkdf2Sha1,
}

impl Kind {
    /// All kinds, in the order of [`MostRounds`].
    pub const ALL: [Kind; 3] = [Kind::Bcrypt, Kind::Pbkdf2Sha256, Kind::Pbkdf2Sha1];
}

/// Algorithm and cost of an imported hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// The algorithm.
    pub kind: Kind,
    /// Iterations of the hash function.
    pub rounds: u32,
}

impl Imported {
    /// Parses the prefix of a stored hash. None: one of ours, or one that no password matches.
    pub fn read(stored: &str) -> Option<Imported> {
        let parts: Vec<&str> = stored.split('$').collect();
        let (kind, rounds, most) = match parts.as_slice() {
            ["", "2" | "2a" | "2b" | "2x" | "2y", cost, ..] | ["bcrypt" | "bcrypt_sha256", "", _, cost, ..] => {
                (Kind::Bcrypt, 1_u32.checked_shl(cost.parse().ok()?)?, BCRYPT_ROUNDS_MAX)
            }
            ["pbkdf2_sha256", rounds, ..] => (Kind::Pbkdf2Sha256, rounds.parse().ok()?, PBKDF2_ROUNDS_MAX),
            ["pbkdf2_sha1", rounds, ..] => (Kind::Pbkdf2Sha1, rounds.parse().ok()?, PBKDF2_ROUNDS_MAX),
            _ => return None,
        };
        let least = if kind == Kind::Bcrypt { BCRYPT_ROUNDS_MIN } else { 1 };
        (least..=most).contains(&rounds).then_some(Imported { kind, rounds })
    }

    /// Whether the password matches. The stored hash has to be of this kind.
    pub fn fits(self, password: &str, stored: &str) -> bool {
        match self.kind {
            Kind::Bcrypt if stored.starts_with("$2") => bcrypt::verify(password, stored).unwrap_or(false),
            _ => djangohashers::check_password(password, stored).unwrap_or(false),
        }
    }

    /// Does the same amount of work and discards the result. bcrypt rounds are powers of two, so each bit of the number is one run.
    pub fn spend(self, password: &str) {
        match self.kind {
            Kind::Bcrypt => {
                for cost in (0..u32::BITS).filter(|bit| self.rounds >> bit & 1 == 1) {
                    let dummy = format!("$2b${cost:02}$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G");
                    let _ = bcrypt::verify(password, &dummy);
                }
            }
            Kind::Pbkdf2Sha256 => drop(djangohashers::check_password(password, &format!("pbkdf2_sha256${}$nobody$", self.rounds))),
            Kind::Pbkdf2Sha1 => drop(djangohashers::check_password(password, &format!("pbkdf2_sha1${}$nobody$", self.rounds))),
        }
    }
}

/// The most rounds of each kind among all accounts: the work that every check does.
#[derive(Debug, Default)]
pub struct MostRounds([AtomicU32; Kind::ALL.len()]);

impl MostRounds {
    /// Reads the maximum from the database.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn read(pool: &PgPool) -> Result<MostRounds, sqlx::Error> {
        // The prefix of a hash with its kind and rounds, without its salt.
        let kinds: Vec<Option<String>> = sqlx::query_scalar(
            r"SELECT DISTINCT substring(password_hash FROM '^(?:bcrypt\$|bcrypt_sha256\$)?\$2[abxy]?\$[0-9]+\$|^pbkdf2_sha(?:1|256)\$[0-9]+\$') FROM users WHERE password_hash NOT LIKE '$argon2%'",
        )
        .fetch_all(pool)
        .await?;
        let most = MostRounds::default();
        for kind in kinds.into_iter().flatten() {
            most.note(&kind);
        }
        Ok(most)
    }

    /// Raises the maximum to this stored hash: every later check does its work.
    pub fn note(&self, stored: &str) {
        if let Some(Imported { kind, rounds }) = Imported::read(stored) {
            self.0[kind as usize].fetch_max(rounds, Ordering::Relaxed);
        }
    }

    /// The dummy work of a check besides its own hash, so that each kind reaches its maximum.
    pub fn rest(&self, own: Option<Imported>) -> Vec<Imported> {
        let rest = |kind: Kind| {
            let spent = own.filter(|own| own.kind == kind).map_or(0, |own| own.rounds);
            Imported { kind, rounds: self.0[kind as usize].load(Ordering::Relaxed).saturating_sub(spent) }
        };
        Kind::ALL.into_iter().map(rest).filter(|rest| rest.rounds > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: [&str; 6] = [
        "pbkdf2_sha256$1000$salt$/mNDtM6ynUebynBLeUl1G0lr9+dJK8x0OBX9/AId3Jk=",
        "pbkdf2_sha256$1500$salt$x",
        "pbkdf2_sha1$700$salt$x",
        "$2b$04$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G",
        "$2y$06$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G",
        "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuu76dfuawWdBS1QY6vcj1MdxyGkWvOi6G",
    ];

    #[test]
    fn every_check_does_the_same_work_for_any_stored_hash_and_for_none() {
        let most = MostRounds::default();
        STORED.iter().for_each(|stored| most.note(stored));
        let others = ["$argon2id$v=19$m=8,t=1,p=1$sQFQp+vy89E$ZPEFgltqevv9Hxi5MOfvxqMknKa6aB4H6DqKgW3sh8A", "!", "", "nonsense"];
        for stored in STORED.iter().chain(&others) {
            let own = Imported::read(stored);
            let rounds = Kind::ALL.map(|kind| {
                let all = most.rest(own).into_iter().chain(own);
                all.filter(|part| part.kind == kind).map(|part| part.rounds).sum::<u32>()
            });
            assert_eq!(rounds, [64, 1500, 700], "{stored}");
        }
    }

    #[test]
    fn without_imported_hashes_there_is_no_extra_work() {
        assert!(MostRounds::default().rest(None).is_empty());
    }

    #[test]
    fn remaining_bcrypt_rounds_are_sums_of_valid_costs() {
        // Every bit of the rest is a cost that bcrypt takes.
        for own in 4..=14 {
            let most = MostRounds::default();
            most.note("$2b$14$");
            let rest = most.rest(Some(Imported { kind: Kind::Bcrypt, rounds: 1 << own }));
            assert!(rest.iter().all(|rest| rest.rounds % BCRYPT_ROUNDS_MIN == 0), "{own}");
        }
    }

    #[test]
    fn hashes_above_the_cost_limit_are_rejected() {
        for stored in [
            "$2b$15$abc",
            "$2b$31$abc",
            "$2b$99$abc",
            "$2b$03$abc",
            "$2b$x$abc",
            "pbkdf2_sha256$1500001$s$h",
            "pbkdf2_sha256$0$s$h",
            "pbkdf2_sha256$-1$s$h",
            "scrypt$16384$s$8$1$h",
            "md5$s$h",
            "argon2$argon2id$v=19$m=8,t=1,p=1$x$y",
        ] {
            assert_eq!(Imported::read(stored), None, "{stored}");
        }
    }
}
