//! A simulator that finds no fault proves nothing: each one that is planted is found within so many seeds.

use std::sync::atomic::{AtomicUsize, Ordering};

use waystation_sim::faults::{Fault, Faults};
use waystation_sim::run::{Size, run};
use waystation_sim::steps::{GOES_BACK_FROM, LATEST_FROM, RESTORES_FROM};

/// Every fault, and the seeds within which it shows. Stamps that are given again show where an epoch began unsaid: the lost
/// ones cannot be told from the new ones then.
const WITHIN: &[(Fault, std::ops::Range<u64>)] = &[
    (Fault::ForgetLedger, 0..5),
    (Fault::SkipVersions, 0..5),
    (Fault::DropTombstone, 0..20),
    (Fault::OneFeedOfTwo, 0..5),
    (Fault::LoseLoser, 0..40),
    (Fault::LoseHeld, 0..40),
    (Fault::DeleteUnseen, 0..400),
    (Fault::SkipChain, 0..400),
    (Fault::HalfPage, 0..20),
    (Fault::CursorOnly, 0..10),
    (Fault::KeepLostScope, 0..30),
    (Fault::ForgetPending, 0..30),
    (Fault::UncorrectedClocks, 0..40),
    (Fault::MeltIntoSent, 0..200),
    (Fault::ForgetRefusal, 0..40),
    (Fault::EditsNotSynced, 0..40),
    (Fault::StaleAccess, 0..30),
    (Fault::NoAudit, LATEST_FROM..LATEST_FROM + 50),
    (Fault::NameTooEarly, LATEST_FROM..LATEST_FROM + 20),
    (Fault::StrandTheOld, LATEST_FROM..LATEST_FROM + 30),
    (Fault::ForgetLost, RESTORES_FROM..RESTORES_FROM + 300),
    (Fault::StampsAgain, GOES_BACK_FROM..GOES_BACK_FROM + 60),
    (Fault::EpochUnnoticed, GOES_BACK_FROM..GOES_BACK_FROM + 60),
    (Fault::HeadsTrusted, GOES_BACK_FROM..GOES_BACK_FROM + 30),
    (Fault::AcknowledgedForGood, GOES_BACK_FROM..GOES_BACK_FROM + 300),
    (Fault::UnknownForGood, GOES_BACK_FROM..GOES_BACK_FROM + 30),
];

#[test]
fn every_planted_fault_is_found() {
    assert_eq!(WITHIN.len(), Fault::ALL.len());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        let mut unfound = Vec::new();
        while let Some((fault, seeds)) = WITHIN.get(next.fetch_add(1, Ordering::Relaxed)) {
            if seeds.clone().all(|seed| run(seed, &Size::default(), &Faults::only(*fault)).is_ok()) {
                unfound.push(*fault);
            }
        }
        unfound
    };
    let unfound: Vec<Fault> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run catches its own panics")).collect()
    });
    assert!(unfound.is_empty(), "not found: {unfound:?}");
}
