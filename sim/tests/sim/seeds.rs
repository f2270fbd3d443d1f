//! Runs the seeds that once failed, and ranges of others.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use waystation_sim::faults::Faults;
use waystation_sim::run::{Failed, Size, run};
use waystation_sim::steps::{EVERY_TABLE_FROM, GOES_BACK_FROM, LATER_FROM, LATEST_FROM, RESTORES_FROM, TAKES_BACK_FROM};

/// Seeds that found bugs.
const FOUND: &[u64] = &[
    282, 467, 637, 1506, 4500, 8068, 9073, 9322, 10868, 13271, 34028, 35208, 39_044, 40_515, 40_862, 60_173, 1_000_703, 2_000_063,
    2_000_443, 3_003_047, 3_011_303, 4_000_434, 5_000_019, 5_000_151, 5_000_165,
];
/// Seeds that run with every test, of every kind of history: they take about eight minutes on two cores. `cargo xtask sim` runs
/// any number of seeds.
const SEEDS: &[Range<u64>] = &[
    0..4_000,
    LATER_FROM..LATER_FROM + 1_000,
    LATEST_FROM..LATEST_FROM + 2_500,
    RESTORES_FROM..RESTORES_FROM + 1_000,
    GOES_BACK_FROM..GOES_BACK_FROM + 1_000,
    EVERY_TABLE_FROM..EVERY_TABLE_FROM + 1_500,
    TAKES_BACK_FROM..TAKES_BACK_FROM + 500,
];

#[test]
fn seeds_that_once_failed_pass() {
    let failed: Vec<Failed> = FOUND.iter().filter_map(|seed| run(*seed, &Size::default(), &Faults::default()).err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn laptops_and_server_agree_after_every_history() {
    let all: Vec<u64> = SEEDS.iter().cloned().flatten().collect();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let failed: Vec<Failed> = std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            while let Some(seed) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                failed.extend(run(*seed, &Size::default(), &Faults::default()).err());
            }
            failed
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run catches its own panics")).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_seed_is_reproducible() {
    let tally = |seed| run(seed, &Size::default(), &Faults::default()).expect("it holds");
    for seed in 0..5 {
        assert_eq!(tally(seed), tally(seed));
    }
}
