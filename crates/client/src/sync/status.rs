//! The chip's state, from the engine's view of the network and from counts in the database.

use waystation_model::Code;
use waystation_model::limits::CLOCK_OFF_MS_MAX;

use crate::error::{ClientError, Result};
use crate::store::{Device, Writer, attention, conflicts, held};
use crate::view_models::SyncStatus;

/// One of the two exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Laptop to server.
    Push,
    /// Server to laptop.
    Pull,
}

/// The engine's view of the network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Whether the server answered the last request.
    pub online: bool,
    /// How many exchanges are running.
    pub busy: u32,
    /// Rows of a first sync still to come.
    pub rows_left: Option<i64>,
    /// Why the last push failed; none when it succeeded or the server was not reachable.
    pub push_problem: Option<Code>,
    /// Why the last pull failed, likewise.
    pub pull_problem: Option<Code>,
}

impl Network {
    /// Notes how an exchange ended.
    pub fn note<R>(&mut self, exchange: Exchange, result: &Result<R>) {
        // A success of one exchange does not clear the other's problem.
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

/// The counts that the chip shows, from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Changes that the server does not have.
    pub waiting: i64,
    /// Rows with a refused change.
    pub attention: i64,
    /// Open conflicts: their losing value differs from the current one.
    pub conflicts: i64,
    /// Held changes that wait for this person's decision.
    pub held: i64,
}

/// Reads the counts.
///
/// # Errors
/// When the database fails.
pub fn counts(writer: &Writer) -> Result<Counts> {
    let attention = attention::count(writer.connection())?;
    let conflicts = i64::try_from(conflicts::open(writer.connection())?.len()).unwrap_or(i64::MAX);
    let held = held::count_to_decide(writer.connection(), &writer.device().owner)?;
    Ok(Counts { waiting: writer.device().waiting(), attention, conflicts, held })
}

/// Builds the chip's state.
pub fn status(network: &Network, counts: Counts, device: &Device, signed_out: bool, disk_low: bool) -> SyncStatus {
    SyncStatus {
        online: network.online,
        busy: network.busy > 0,
        last_sync_at: device.last_sync_at,
        waiting: counts.waiting,
        attention: counts.attention,
        conflicts: counts.conflicts,
        held: counts.held,
        first_sync: !device.first_sync_done,
        rows_left: (!device.first_sync_done).then_some(network.rows_left).flatten(),
        clock_off_ms: Some(device.clock_offset_ms).filter(|offset| offset.abs() > CLOCK_OFF_MS_MAX),
        disk_low,
        signed_out,
        // Not while signed out: a server that went back in time may have lost what it acknowledged, which would not be noticed.
        safe_to_close: counts.waiting == 0 && network.busy == 0 && !signed_out,
        problem: network.push_problem.or(network.pull_problem),
    }
}
