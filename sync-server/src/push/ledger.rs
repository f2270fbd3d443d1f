//! What a device has sent before: its last number, the chain, and the outcomes that it may not have heard.

use uuid::Uuid;
use waystation_model::chain::{self, CONTENT_HASH_BYTES, Chain};
use waystation_model::limits::LEDGER_MUTATIONS_MAX;
use waystation_model::wire::{Mutation, NumberedOutcome};
use waystation_model::{Code, Problem};

use crate::authority::{LedgerEntry, LockedLedger, Pushed, Writing};
use crate::epoch::Reached;
use crate::failure::Failure;

/// The hash of one mutation's content.
type ContentHash = [u8; CONTENT_HASH_BYTES];

/// Mutations that arrived before.
pub struct Repeated {
    /// What became of them, as far as it is not plainly `applied`.
    pub outcomes: Vec<NumberedOutcome>,
    /// Their hashes as the ledger has them.
    pub stored: Vec<ContentHash>,
}

/// One device's ledger, locked until the transaction ends.
pub struct Ledger {
    device: Uuid,
    /// The last number that the server has.
    pub last_n: i64,
    /// The chain there.
    pub chain: Chain,
    /// Where the database is.
    pub reached: Reached,
    /// The last stamp that was given to anything.
    pub last_stamp: i64,
}

impl Ledger {
    /// Reads and locks a device's ledger, so that two pushes of one device never run at once.
    pub async fn lock<W: Writing>(rows: &mut W, device: Uuid) -> Result<Ledger, Failure> {
        let LockedLedger { last_n, chain, reached, last_stamp } = rows.lock_ledger(device).await?;
        Ok(Ledger { device, last_n, chain, reached, last_stamp })
    }

    /// The outcomes of mutations that arrive again. A device does not send what it has seen the outcome of, so what is not in
    /// the ledger any more comes from a copy; but when the request reaches `last_n`, the chain tells, and the caller asks it.
    pub async fn repeat<W: Writing>(
        &self,
        rows: &mut W,
        first_n: i64,
        repeated: &[Mutation],
        mut hashes: Vec<ContentHash>,
    ) -> Result<Repeated, Failure> {
        if hashes.is_empty() {
            return Ok(Repeated { outcomes: Vec::new(), stored: hashes });
        }
        let last_n = first_n + i64::try_from(hashes.len()).unwrap_or(0) - 1;
        let stored = rows.pushes(self.device, first_n, last_n).await?;
        let reused = |n: i64, how: &str| Failure::from(Problem::new(Code::NumberReused, format!("number {n} {how}")).field(n.to_string()));
        let mut outcomes = Vec::new();
        let mut compared = 0;
        for Pushed { first_n: pushed_n, hashes: pushed_hashes, outcomes: known } in stored {
            for (place, hash) in pushed_hashes.iter().enumerate() {
                let n = pushed_n + i64::try_from(place).unwrap_or(0);
                let Some(place) = usize::try_from(n - first_n).ok().filter(|place| *place < hashes.len()) else { continue };
                if hashes[place] != *hash {
                    if repeated[place].misread().old_content_hash() != *hash {
                        // The numbers before it stand for what the device says only where they were all compared.
                        let unproven = first_n + compared as i64;
                        return Err(reused(unproven.min(n), "arrived before with other content"));
                    }
                    hashes[place] = *hash;
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

    /// Compares the chain at `last_n`, as a request has it that reaches there. A mutation that an earlier build of the server
    /// took may be in the chain as that build misread it; then the chain that the device has takes its place, because the
    /// device goes on from it.
    pub fn check_chain(&mut self, before: &Chain, sent: &[ContentHash], stored: &[ContentHash]) -> Result<(), Problem> {
        let chain_of = |hashes: &[ContentHash]| hashes.iter().fold(*before, |chain, hash| chain::extend(&chain, hash));
        let there = chain_of(sent);
        if there != self.chain && chain_of(stored) != self.chain {
            return Err(Problem::new(Code::ChainMismatch, "the chain before the first new number is not the server's"));
        }
        self.chain = there;
        Ok(())
    }

    /// Writes down a push, and forgets what the device has seen. Returns its last number, and where the database's log is then.
    pub async fn store<W: Writing>(
        &self,
        rows: &mut W,
        chain: &Chain,
        hashes: &[[u8; CONTENT_HASH_BYTES]],
        outcomes: &[NumberedOutcome],
        seen_n: i64,
    ) -> Result<(i64, i64), Failure> {
        let last_n = self.last_n + i64::try_from(hashes.len()).unwrap_or(0);
        let forget_upto = seen_n.min(last_n).max(last_n - LEDGER_MUTATIONS_MAX);
        let lsn = rows
            .store_push(LedgerEntry { device: self.device, first_n: self.last_n + 1, last_n, chain, hashes, outcomes, forget_upto })
            .await?;
        Ok((last_n, lsn))
    }
}
