//! What the chip tells: what the engine knows of the network, and what the database knows of the work.

use waystation_model::Code;
use waystation_model::limits::CLOCK_OFF_MS_MAX;

use crate::error::{ClientError, Result};
use crate::store::{Device, Writer, attention, conflicts, held};
use crate::views::SyncStatus;

/// One of the two exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Up.
    Push,
    /// Down.
    Pull,
}

/// What the engine knows of the network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Whether the server answered the last time it was asked.
    pub online: bool,
    /// How many exchanges are under way.
    pub busy: u32,
    /// Rows of a first sync still to come.
    pub rows_left: Option<i64>,
    /// Why the last push failed, when it did and not for want of a network.
    pub push_problem: Option<Code>,
    /// Why the last pull failed, likewise.
    pub pull_problem: Option<Code>,
}

impl Network {
    /// Takes note of how an exchange ended.
    pub fn note<R>(&mut self, exchange: Exchange, result: &Result<R>) {
        // What works the one way says nothing about the other.
        let problem = match exchange {
            Exchange::Push => &mut self.push_problem,
            Exchange::Pull => &mut self.pull_problem,
        };
        match result {
            Ok(_) => {
                self.online = true;
                *problem = None;
            }
            Err(error) if error.code() == Code::Offline => self.online = false,
            Err(ClientError::Refused(problem)) if problem.code == Code::NotReady => self.online = false,
            Err(error) => {
                self.online = true;
                *problem = Some(error.code());
            }
        }
    }
}

/// The numbers that the chip tells, from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Changes that the server does not have.
    pub waiting: i64,
    /// Rows of which it refused something.
    pub attention: i64,
    /// Conflicts whose lost value is not the one that stands.
    pub conflicts: i64,
    /// Held changes that wait for this person's decision.
    pub held: i64,
}

/// Reads the numbers.
///
/// # Errors
/// When the database fails.
pub fn counts(writer: &Writer) -> Result<Counts> {
    let attention = attention::count(writer.connection())?;
    let conflicts = i64::try_from(conflicts::open(writer.connection())?.len()).unwrap_or(i64::MAX);
    let held = held::count_to_decide(writer.connection(), &writer.device().owner)?;
    Ok(Counts { waiting: writer.device().waiting(), attention, conflicts, held })
}

/// Puts the chip's state together.
pub fn status(network: &Network, counts: Counts, device: &Device, signed_out: bool, disk_low: bool) -> SyncStatus {
    SyncStatus {
        online: network.online,
        busy: network.busy > 0,
        last_sync_at: device.last_sync_at,
        waiting: counts.waiting,
        attention: counts.attention,
        conflicts: counts.conflicts,
        held: counts.held,
        rows_left: (!device.first_sync_done).then_some(network.rows_left).flatten(),
        clock_off_ms: Some(device.clock_offset_ms).filter(|offset| offset.abs() > CLOCK_OFF_MS_MAX),
        disk_low,
        signed_out,
        // A signed-out laptop may face a server that went back in time and no longer has what it acknowledged.
        safe_to_close: counts.waiting == 0 && network.busy == 0 && !signed_out,
        problem: network.push_problem.or(network.pull_problem),
    }
}
