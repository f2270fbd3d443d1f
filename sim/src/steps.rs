//! What happens, step by step. Each step carries its own randomness, so leaving some out changes nothing about the others.

use crate::random::Random;

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub act: Act,
    /// Which laptop it concerns, of those that are there.
    pub laptop: u32,
    /// Decides everything else.
    pub pick: u64,
}

/// What happens in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Time passes.
    Pass,
    /// Somebody does something.
    Edit,
    /// A laptop sends what waits.
    Push,
    /// A laptop pulls.
    Pull,
    /// A request or an answer arrives, any of those under way.
    Carry,
    /// A laptop stores pages.
    Apply,
    /// The other instances hear which heads moved.
    Announce,
    /// Somebody writes to the database itself.
    ByHand,
    /// Somebody gets or loses access.
    Access,
    /// A request or an answer is lost.
    Lose,
    /// A request or an answer arrives and goes on travelling.
    Repeat,
    /// A request or an answer is cut short.
    Truncate,
    /// A laptop waits no longer for an answer that is still under way.
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
    /// Somebody signs in again.
    SignIn,
    /// The server is backed up.
    BackUp,
    /// The server goes back to its backup.
    Restore,
    /// A standby, or a copy of the files, gets everything that was committed.
    Replicate,
    /// The standby takes the place of the database, and nobody says so.
    Promote,
    /// The copy of the files takes the place of the database, and nobody says so.
    PutBack,
    /// The server forgets what is gone, as it does after half a year.
    Forget,
    /// A day passes.
    Day,
    /// A laptop's rows are damaged.
    Damage,
    /// A laptop fetches a file.
    Fetch,
    /// A laptop gets a newer program.
    Update,
}

/// What happens often, in every history.
const ORDINARY: &[(Act, usize)] =
    &[(Act::Pass, 4), (Act::Edit, 24), (Act::Push, 12), (Act::Pull, 12), (Act::Carry, 30), (Act::Apply, 10), (Act::Announce, 6)];

/// What happens in half of the histories each.
const FAULTS: &[(Act, usize)] = &[
    (Act::ByHand, 4),
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

/// What found something keeps its number, so what came later happens in histories from here on only.
pub const LATER_FROM: u64 = 1_000_000;
/// What happens in half of those each.
const LATER_FAULTS: &[(Act, usize)] = &[(Act::Forget, 4)];
/// … and from here on more.
pub const LATEST_FROM: u64 = 2_000_000;
/// What happens in half of those each.
const LATEST_FAULTS: &[(Act, usize)] = &[(Act::Forget, 2), (Act::Day, 3), (Act::Damage, 3), (Act::Fetch, 5), (Act::Update, 2)];

/// … and from here on a server that loses what it had, again and again.
pub const RESTORES_FROM: u64 = 3_000_000;
/// What happens in all of those.
const RESTORES: &[(Act, usize)] = &[
    (Act::ByHand, 20),
    (Act::Pull, 20),
    (Act::Carry, 50),
    (Act::Apply, 30),
    (Act::BackUp, 2),
    (Act::Restore, 3),
    (Act::Day, 2),
    (Act::CrashServer, 2),
    (Act::SignIn, 1),
];

/// … and from here on a database that goes back in time without anybody saying so, while servers run on or start again.
pub const GOES_BACK_FROM: u64 = 4_000_000;
/// What happens in all of those.
const GOES_BACK: &[(Act, usize)] = &[
    (Act::ByHand, 4),
    (Act::Push, 8),
    (Act::Pull, 4),
    (Act::Carry, 16),
    (Act::Apply, 4),
    (Act::Replicate, 1),
    (Act::Promote, 2),
    (Act::PutBack, 2),
    (Act::SignIn, 2),
    (Act::CrashServer, 1),
];
/// What happens in half of those each.
const GOES_BACK_FAULTS: &[(Act, usize)] =
    &[(Act::BackUp, 2), (Act::Restore, 1), (Act::Day, 2), (Act::Lose, 4), (Act::Repeat, 3), (Act::CutPower, 2), (Act::Copy, 1)];

/// The history of a seed.
pub fn history(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = Random::of(seed);
    let mut acts = ORDINARY.to_vec();
    match seed {
        GOES_BACK_FROM.. => acts.extend(GOES_BACK),
        RESTORES_FROM.. => acts.extend(RESTORES),
        _ => {}
    }
    let later = match seed {
        GOES_BACK_FROM.. => GOES_BACK_FAULTS,
        RESTORES_FROM.. => &[],
        LATEST_FROM.. => LATEST_FAULTS,
        LATER_FROM.. => LATER_FAULTS,
        _ => &[],
    };
    let usual = if seed >= RESTORES_FROM { &[] } else { FAULTS };
    for fault in usual.iter().chain(later) {
        if random.one_in(2) {
            acts.push(*fault);
        }
    }
    let total: usize = acts.iter().map(|(_, weight)| weight).sum();
    (0..steps)
        .map(|_| {
            let mut place = random.below(total);
            let act = acts.iter().find(|(_, weight)| {
                let here = place < *weight;
                place = place.saturating_sub(*weight);
                here
            });
            Step { act: act.map_or(Act::Pass, |(act, _)| *act), laptop: random.number() as u32, pick: random.number() }
        })
        .collect()
}
