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
    /// The server forgets what is gone, as it does after half a year.
    Forget,
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

/// The history of a seed.
pub fn history(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = Random::of(seed);
    let mut acts = ORDINARY.to_vec();
    let later = if seed >= LATER_FROM { LATER_FAULTS } else { &[] };
    for fault in FAULTS.iter().chain(later) {
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
