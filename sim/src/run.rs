//! Runs the history of a seed, and shrinks a history that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::faults::{Faults, Finding};
use crate::steps::{Step, history};
use crate::world::{Tally, World};

/// How large a run is.
#[derive(Debug, Clone)]
pub struct Size {
    /// Number of laptops at the start.
    pub clients: usize,
    /// Number of steps before the final sync.
    pub steps: usize,
}

impl Default for Size {
    fn default() -> Size {
        Size { clients: 4, steps: 90 }
    }
}

/// A seed that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// The violated invariant.
    pub finding: Finding,
}

/// Runs the history of a seed.
///
/// # Errors
/// The violated invariant.
pub fn run(seed: u64, size: &Size, faults: &Faults) -> Result<Tally, Failed> {
    play(seed, size, faults, &history(seed, size.steps)).map_err(|finding| Failed { seed, finding })
}

/// Plays these steps and returns a trace of them.
pub fn story(seed: u64, size: &Size, faults: &Faults, steps: &[Step]) -> Vec<String> {
    let Ok(mut world) = World::new(size.clients, seed, faults) else { return Vec::new() };
    world.story = Some(Vec::new());
    let mut play = || {
        for step in steps {
            world.step(*step)?;
        }
        world.sync_all()?;
        world.check_final_state()
    };
    let finding = play().err();
    let mut story = world.story.unwrap_or_default();
    story.extend(finding.map(|finding| finding.0));
    story
}

/// Plays these steps in the world of this seed.
///
/// # Errors
/// The violated invariant.
pub fn play(seed: u64, size: &Size, faults: &Faults, steps: &[Step]) -> Result<Tally, Finding> {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(size.clients, seed, faults)?;
        for step in steps {
            world.step(*step)?;
        }
        world.sync_all()?;
        world.check_final_state()?;
        Ok(world.tally)
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Finding::of(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Shortens a failing history by removing steps while it still fails: first many at once, then one by one.
pub fn shrink(seed: u64, size: &Size, faults: &Faults) -> (Vec<Step>, Option<Finding>) {
    let mut steps = history(seed, size.steps);
    let mut finding = play(seed, size, faults, &steps).err();
    if finding.is_none() {
        return (steps, None);
    }
    let mut chunk = steps.len().div_ceil(2);
    while chunk > 0 {
        let mut start = 0;
        while start < steps.len() {
            let end = (start + chunk).min(steps.len());
            let shorter: Vec<Step> = steps[..start].iter().chain(&steps[end..]).copied().collect();
            match play(seed, size, faults, &shorter) {
                Err(found) => {
                    steps = shorter;
                    finding = Some(found);
                }
                Ok(_) => start = end,
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    (steps, finding)
}
