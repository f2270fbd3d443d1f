//! A device's ledger: its last number, the chain, and the outcomes that the device may not have seen.

use uuid::Uuid;
use waystation_model::chain::{self, CONTENT_HASH_BYTES, Chain};
use waystation_model::limits::LEDGER_MUTATIONS_MAX;
use waystation_model::wire::{Mutation, NumberedOutcome};
use waystation_model::{Code, Problem};

use crate::authority::{LedgerEntry, LockedLedger, Pushed, Writing};
use crate::epoch::LogPosition;
use crate::failure::Failure;

/// The hash of one mutation's content.
type ContentHash = [u8; CONTENT_HASH_BYTES];

/// Mutations that arrived before.
pub struct Repeated {
    /// Their outcomes other than `applied`.
    pub outcomes: Vec<NumberedOutcome>,
    /// Their hashes in the ledger.
    pub stored: Vec<ContentHash>,
}

/// One device's ledger, locked until the transaction ends.
pub struct Ledger {
    device: Uuid,
    /// The last number that the server has.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Log position of the database.
    pub reached: LogPosition,
    /// The last stamp that was issued.
    pub last_stamp: i64,
}

impl Ledger {
    /// Reads and locks a device's ledger, so that two pushes of one device never run at the same time.
    pub async fn lock<W: Writing>(transaction: &mut W, device: Uuid) -> Result<Ledger, Failure> {
        let LockedLedger { last_n, chain, reached, last_stamp } = transaction.lock_ledger(device).await?;
        Ok(Ledger { device, last_n, chain, reached, last_stamp })
    }

    /// The outcomes of mutations that arrive again. A device does not repeat a mutation whose outcome it has seen, so a number that
    /// is no longer in the ledger comes from a copy of the database. When the request reaches `last_n`, the caller decides by the
    /// chain instead.
    pub async fn repeat<W: Writing>(
        &self,
        transaction: &mut W,
        first_n: i64,
        repeated: &[Mutation],
        mut hashes: Vec<ContentHash>,
    ) -> Result<Repeated, Failure> {
        if hashes.is_empty() {
            return Ok(Repeated { outcomes: Vec::new(), stored: hashes });
        }
        let last_n = first_n + i64::try_from(hashes.len()).unwrap_or(0) - 1;
        let stored = transaction.pushes(self.device, first_n, last_n).await?;
        let reused = |n: i64, how: &str| Failure::from(Problem::new(Code::NumberReused, format!("number {n} {how}")).field(n.to_string()));
        let mut outcomes = Vec::new();
        let mut compared = 0;
        for Pushed { first_n: pushed_n, hashes: pushed_hashes, outcomes: known } in stored {
            for (index, hash) in pushed_hashes.iter().enumerate() {
                let n = pushed_n + i64::try_from(index).unwrap_or(0);
                let Some(index) = usize::try_from(n - first_n).ok().filter(|index| *index < hashes.len()) else { continue };
                if hashes[index] != *hash {
                    if repeated[index].misread().old_content_hash() != *hash {
                        // The numbers before it are proven only if all of them were compared.
                        let unproven = first_n + compared as i64;
                        return Err(reused(unproven.min(n), "arrived before with other content"));
                    }
                    hashes[index] = *hash;
                }
                compared += 1;
            }
            outcomes.extend(known.into_iter().filter(|outcome| (first_n..=last_n).contains(&outcome.n)));
        }
        if compared < hashes.len() && last_n < self.last_n {
            return Err(reused(first_n, "arrived before, and its device knows what became of it"));
        }
        Ok(Repeated { outcomes, stored: hashes })
    }

    /// Compares the chain at `last_n` with the one computed from the request. An earlier build of the server may have put a misread
    /// mutation into its chain; then the device's chain replaces the server's, because the device continues from it.
    pub fn check_chain(&mut self, before: &Chain, sent: &[ContentHash], stored: &[ContentHash]) -> Result<(), Problem> {
        let chain_of = |hashes: &[ContentHash]| hashes.iter().fold(*before, |chain, hash| chain::extend(&chain, hash));
        let there = chain_of(sent);
        if there != self.chain && chain_of(stored) != self.chain {
            return Err(Problem::new(Code::ChainMismatch, "the chain before the first new number is not the server's"));
        }
        self.chain = there;
        Ok(())
    }

    /// Stores a push and deletes what the device has seen. Returns the last number, and the position of the database's log after
    /// that.
    pub async fn store<W: Writing>(
        &self,
        transaction: &mut W,
        chain: &Chain,
        hashes: &[[u8; CONTENT_HASH_BYTES]],
        outcomes: &[NumberedOutcome],
        seen_n: i64,
    ) -> Result<(i64, i64), Failure> {
        let last_n = self.last_n + i64::try_from(hashes.len()).unwrap_or(0);
        let forget_upto = seen_n.min(last_n).max(last_n - LEDGER_MUTATIONS_MAX);
        let lsn = transaction
            .store_push(LedgerEntry { device: self.device, first_n: self.last_n + 1, last_n, chain, hashes, outcomes, forget_upto })
            .await?;
        Ok((last_n, lsn))
    }
}
