//! Witnesses: signed proofs, stored by laptops, of how far the server's database was, to detect that it has gone back in time.

use sqlx::FromRow;
use uuid::Uuid;
use waystation_model::limits::WITNESS_BYTES_MAX;

use crate::accounts::Tokens;
use crate::epoch::LogPosition;

/// One start of PostgreSQL with this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Run {
    /// The epoch at that time.
    pub epoch: i64,
    /// When PostgreSQL was started, in microseconds since 1970.
    pub started_us: i64,
    /// Log position at the start.
    pub first_lsn: i64,
    /// The last stamp that was issued before the start.
    pub first_stamp: i64,
    /// Stamps issued in this run are above this one.
    pub upto_stamp: i64,
}

/// A proof of how far the database was. Signed and bound to the device, because it begins a new epoch for everybody when the
/// database is found to be behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The epoch at that time.
    pub epoch: i64,
    /// The run of PostgreSQL, by its start in microseconds since 1970.
    pub run_us: i64,
    /// Log position.
    lsn: i64,
    signature: String,
}

impl Witness {
    /// Issues a witness for this device; none while the epoch is uncertain.
    pub fn give(tokens: &Tokens, device: Uuid, reached: LogPosition) -> Option<String> {
        let text = format!("{}.{}.{}", reached.epoch?, reached.run_us, reached.lsn);
        let signature = tokens.sign(&signed_text(device, &text)).ok()?;
        Some(format!("{text}.{signature}"))
    }

    /// Parses a witness without verifying its signature.
    pub fn parse(text: &str) -> Option<Witness> {
        if text.len() > WITNESS_BYTES_MAX {
            return None;
        }
        let mut parts = text.splitn(4, '.');
        let mut number = || parts.next()?.parse().ok();
        let (epoch, run_us, lsn) = (number()?, number()?, number()?);
        Some(Witness { epoch, run_us, lsn, signature: parts.next()?.to_owned() })
    }

    /// Whether this server, or another one with its secret, issued it to this device.
    pub fn is_signed(&self, tokens: &Tokens, device: Uuid) -> bool {
        tokens.has_signed(&signed_text(device, &format!("{}.{}.{}", self.epoch, self.run_us, self.lsn)), &self.signature)
    }

    /// Whether a database with these runs, the newest first, is behind this witness: then returns the run that began with an
    /// earlier state.
    pub fn proves(&self, runs: &[Run]) -> Option<Run> {
        let newest = runs.first()?;
        if self.epoch < newest.epoch {
            return None;
        }
        let of_epoch = runs.iter().take_while(|run| run.epoch == newest.epoch);
        let known = of_epoch.clone().position(|run| self.epoch == newest.epoch && run.started_us == self.run_us);
        match known {
            // The newest run: PostgreSQL was not started since.
            Some(0) => None,
            Some(index) => {
                let next = runs[index - 1];
                (next.first_lsn < self.lsn).then_some(next)
            }
            // The run itself is missing: the run that was started after it began with an earlier state, or, when clocks do not tell, the
            // current one.
            None => Some(*of_epoch.filter(|run| run.started_us > self.run_us).last().unwrap_or(newest)),
        }
    }
}

fn signed_text(device: Uuid, text: &str) -> String {
    format!("witness:{device}:{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(epoch: i64, started_us: i64, first_lsn: i64) -> Run {
        Run { epoch, started_us, first_lsn, first_stamp: 0, upto_stamp: 0 }
    }

    fn witness(epoch: i64, run_us: i64, lsn: i64) -> Witness {
        Witness { epoch, run_us, lsn, signature: String::new() }
    }

    #[test]
    fn witnesses_of_the_newest_run_or_a_former_epoch_prove_nothing() {
        let runs = [run(7, 30, 300), run(7, 20, 200), run(6, 10, 100)];
        assert_eq!(witness(7, 30, 999).proves(&runs), None);
        assert_eq!(witness(6, 10, 999).proves(&runs), None);
        assert_eq!(witness(6, 11, 999).proves(&runs), None);
    }

    #[test]
    fn witnesses_at_the_start_of_the_next_run_prove_nothing() {
        let runs = [run(7, 30, 300), run(7, 20, 200)];
        assert_eq!(witness(7, 20, 300).proves(&runs), None);
        assert_eq!(witness(7, 20, 301).proves(&runs), Some(runs[0]));
    }

    #[test]
    fn witnesses_of_an_unknown_run_or_epoch_are_proof() {
        let runs = [run(7, 40, 400), run(7, 30, 300), run(7, 20, 200)];
        assert_eq!(witness(7, 25, 1).proves(&runs), Some(runs[1]), "the first run after it");
        assert_eq!(witness(8, 35, 1).proves(&runs), Some(runs[0]));
        assert_eq!(witness(8, 50, 1).proves(&runs), Some(runs[0]), "a clock that was set back");
    }

    #[test]
    fn witnesses_are_valid_only_for_their_device_and_secret() {
        let (tokens, device) = (Tokens::new("one secret"), Uuid::from_u128(1));
        let text = Witness::give(&tokens, device, LogPosition { epoch: Some(7), run_us: 20, lsn: 300 }).expect("a witness");
        let read = Witness::parse(&text).expect("a witness");
        assert!(read.is_signed(&tokens, device));
        assert!(!read.is_signed(&tokens, Uuid::from_u128(2)));
        assert!(!read.is_signed(&Tokens::new("another secret"), device));
        assert!(!Witness { lsn: 301, ..read }.is_signed(&tokens, device));
        assert_eq!(Witness::give(&tokens, device, LogPosition::default()), None);
        for nonsense in ["", "1", "1.2.3", "a.b.c.d", "99999999999999999999.1.1.x"] {
            assert!(Witness::parse(nonsense).is_none_or(|read| !read.is_signed(&tokens, device)), "{nonsense}");
        }
    }
}
