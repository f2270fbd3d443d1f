//! The commands, one file per screen. Each reads one snapshot or makes one transaction.

mod account;
mod attendance;
pub(crate) mod attention;
mod course;
mod deletion;
mod downloads;
mod export;
mod held;
mod home;
mod imports;
mod locks;
mod people;
mod person;
mod record;
mod records;
mod sign_in;
pub(crate) mod station;
mod sync;
mod test;
mod topic;

use rusqlite::Connection;

use crate::environment::Clock;
use crate::media::downloads::Downloads;
use crate::store::Owner;

/// What a screen reads from: one snapshot of the database, its owner, the media server's address, the downloads and the clock.
pub(crate) struct Snapshot<'d> {
    pub connection: &'d Connection,
    pub owner: &'d Owner,
    pub media_address: &'d str,
    pub downloads: &'d Downloads,
    pub clock: &'d dyn Clock,
}

impl Snapshot<'_> {
    /// The person's id as text.
    fn me(&self) -> String {
        self.owner.user_id.to_string()
    }

    /// Today on this laptop.
    fn today(&self) -> chrono::NaiveDate {
        today(self.clock)
    }
}

/// Today on this laptop.
fn today(clock: &dyn Clock) -> chrono::NaiveDate {
    chrono::DateTime::from_timestamp_millis(clock.local_ms()).unwrap_or_default().date_naive()
}
