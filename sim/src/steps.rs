//! The steps of a history. Each step has its own randomness, so removing some does not change the others.

use crate::random::Random;

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The kind of the step.
    pub act: Act,
    /// Selects the laptop, modulo the number of laptops.
    pub laptop: u32,
    /// The seed of everything else in the step.
    pub pick: u64,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Time passes.
    Pass,
    /// A person makes a change on a laptop.
    Edit,
    /// A laptop starts to push its pending changes.
    Push,
    /// A laptop starts to pull.
    Pull,
    /// A request or an answer is delivered, any of those in transit.
    Deliver,
    /// A laptop stores fetched pages.
    Apply,
    /// The server instances receive the heads that other instances moved.
    Announce,
    /// Another program writes to the server's database.
    ByOtherProgram,
    /// A change by another program grants or revokes access.
    Access,
    /// A request or an answer is lost.
    Lose,
    /// A request or an answer is delivered and stays in transit, so that it can be delivered again.
    Repeat,
    /// A request or an answer is truncated.
    Truncate,
    /// A laptop stops waiting for an answer that is still in transit.
    GiveUp,
    /// The power of a laptop is cut.
    CutPower,
    /// A laptop is switched off or on.
    Switch,
    /// A server crashes while it answers the next request.
    CrashServer,
    /// A laptop's clock is set.
    SetClock,
    /// A laptop's database is copied to another one.
    Copy,
    /// A person signs in again.
    SignIn,
    /// The server is backed up.
    BackUp,
    /// The server is restored from its backup.
    Restore,
    /// A standby, or a copy of the database's files, receives everything committed so far.
    Replicate,
    /// The standby replaces the database, and the server is not told.
    Promote,
    /// The copy of the files replaces the database, and the server is not told.
    RestoreFiles,
    /// The server deletes its tombstones, as it does after half a year.
    Forget,
    /// A day passes.
    Day,
    /// A laptop's rows are damaged.
    Damage,
    /// A laptop fetches a file.
    Fetch,
    /// A laptop's program is updated to the newest protocol.
    Update,
    /// A person takes back what they did last, and perhaps does it again.
    Undo,
    /// A person imports a file; the power may be cut in the middle of it.
    Import,
}

/// Steps of every history, with their weights.
const ORDINARY: &[(Act, usize)] =
    &[(Act::Pass, 4), (Act::Edit, 24), (Act::Push, 12), (Act::Pull, 12), (Act::Deliver, 30), (Act::Apply, 10), (Act::Announce, 6)];

/// Failures, each of which is part of half of the histories.
const FAULTS: &[(Act, usize)] = &[
    (Act::ByOtherProgram, 4),
    (Act::Access, 4),
    (Act::Lose, 5),
    (Act::Repeat, 4),
    (Act::Truncate, 4),
    (Act::GiveUp, 4),
    (Act::CutPower, 4),
    (Act::Switch, 2),
    (Act::CrashServer, 4),
    (Act::SetClock, 3),
    (Act::Copy, 2),
    (Act::SignIn, 1),
    (Act::BackUp, 3),
    (Act::Restore, 2),
];

/// The first seed with the steps of `LATER_FAULTS`. Earlier seeds keep their histories, because some of them found bugs.
pub const LATER_FROM: u64 = 1_000_000;
/// Each is part of half of the histories from [`LATER_FROM`] on.
const LATER_FAULTS: &[(Act, usize)] = &[(Act::Forget, 4)];
/// The first seed with the steps of `LATEST_FAULTS` instead.
pub const LATEST_FROM: u64 = 2_000_000;
/// Each is part of half of the histories from [`LATEST_FROM`] on.
const LATEST_FAULTS: &[(Act, usize)] = &[(Act::Forget, 2), (Act::Day, 3), (Act::Damage, 3), (Act::Fetch, 5), (Act::Update, 2)];

/// The first seed of histories in which the server is restored from backups repeatedly.
pub const RESTORES_FROM: u64 = 3_000_000;
/// Additional steps of all histories from [`RESTORES_FROM`] on.
const RESTORES: &[(Act, usize)] = &[
    (Act::ByOtherProgram, 20),
    (Act::Pull, 20),
    (Act::Deliver, 50),
    (Act::Apply, 30),
    (Act::BackUp, 2),
    (Act::Restore, 3),
    (Act::Day, 2),
    (Act::CrashServer, 2),
    (Act::SignIn, 1),
];

/// The first seed of histories in which the database goes back in time without notice, while servers keep running or restart.
pub const GOES_BACK_FROM: u64 = 4_000_000;
/// Additional steps of all histories from [`GOES_BACK_FROM`] on.
const GOES_BACK: &[(Act, usize)] = &[
    (Act::ByOtherProgram, 4),
    (Act::Push, 8),
    (Act::Pull, 4),
    (Act::Deliver, 16),
    (Act::Apply, 4),
    (Act::Replicate, 1),
    (Act::Promote, 2),
    (Act::RestoreFiles, 2),
    (Act::SignIn, 2),
    (Act::CrashServer, 1),
];
/// Each is part of half of the histories from [`GOES_BACK_FROM`] on.
const GOES_BACK_FAULTS: &[(Act, usize)] =
    &[(Act::BackUp, 2), (Act::Restore, 1), (Act::Day, 2), (Act::Lose, 4), (Act::Repeat, 3), (Act::CutPower, 2), (Act::Copy, 1)];

/// The first seed of histories in which people change rows of every table, validly and not, and laptops check rules before they
/// store a change. Another organization has rows in the same tables.
pub const EVERY_TABLE_FROM: u64 = 5_000_000;
/// Additional steps of all histories from [`EVERY_TABLE_FROM`] on.
const EVERY_TABLE: &[(Act, usize)] = &[(Act::Edit, 16), (Act::ByOtherProgram, 4)];

/// The first seed of histories in which people also take back what they did, and import files.
pub const TAKES_BACK_FROM: u64 = 6_000_000;
/// Additional steps of all histories from [`TAKES_BACK_FROM`] on, beside those of [`EVERY_TABLE`].
const TAKES_BACK: &[(Act, usize)] = &[(Act::Undo, 8), (Act::Import, 5)];

/// The history of a seed.
pub fn history(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = Random::of(seed);
    let mut acts = ORDINARY.to_vec();
    match seed {
        TAKES_BACK_FROM.. => acts.extend(EVERY_TABLE.iter().chain(TAKES_BACK)),
        EVERY_TABLE_FROM.. => acts.extend(EVERY_TABLE),
        GOES_BACK_FROM.. => acts.extend(GOES_BACK),
        RESTORES_FROM.. => acts.extend(RESTORES),
        _ => {}
    }
    let later = match seed {
        EVERY_TABLE_FROM.. => LATEST_FAULTS,
        GOES_BACK_FROM.. => GOES_BACK_FAULTS,
        RESTORES_FROM.. => &[],
        LATEST_FROM.. => LATEST_FAULTS,
        LATER_FROM.. => LATER_FAULTS,
        _ => &[],
    };
    let usual = if (RESTORES_FROM..EVERY_TABLE_FROM).contains(&seed) { &[] } else { FAULTS };
    for fault in usual.iter().chain(later) {
        if random.one_in(2) {
            acts.push(*fault);
        }
    }
    let total: usize = acts.iter().map(|(_, weight)| weight).sum();
    (0..steps)
        .map(|_| {
            let mut offset = random.below(total);
            let act = acts.iter().find(|(_, weight)| {
                let here = offset < *weight;
                offset = offset.saturating_sub(*weight);
                here
            });
            Step { act: act.map_or(Act::Pass, |(act, _)| *act), laptop: random.number() as u32, pick: random.number() }
        })
        .collect()
}
