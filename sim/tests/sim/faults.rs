//! Every injected fault is found within its range of seeds. This proves that the simulator can find such bugs.

use std::sync::atomic::{AtomicUsize, Ordering};

use waystation_sim::faults::{Fault, Faults};
use waystation_sim::run::{Size, run};
use waystation_sim::steps::{EVERY_TABLE_FROM, GOES_BACK_FROM, LATEST_FROM, RESTORES_FROM, TAKES_BACK_FROM};

/// Every fault, and the seeds that find it. Repeated stamps are found in histories where an epoch begins without notice: there
/// lost stamps cannot be distinguished from new ones.
const WITHIN: &[(Fault, std::ops::Range<u64>)] = &[
    (Fault::ForgetLedger, 0..5),
    (Fault::SkipVersions, 0..5),
    (Fault::DropTombstone, 0..20),
    (Fault::OneFeedOfTwo, 0..5),
    (Fault::DropLosingValue, 0..40),
    (Fault::DropHeldChange, 0..40),
    (Fault::DeleteUnseen, 0..400),
    (Fault::SkipChain, 0..400),
    (Fault::HalfPage, 0..20),
    (Fault::CursorOnly, 0..10),
    (Fault::KeepLostScope, 0..30),
    (Fault::ForgetPending, 0..30),
    (Fault::UncorrectedClocks, 0..40),
    (Fault::CoalesceIntoSent, 0..200),
    (Fault::ForgetRefusal, 0..40),
    (Fault::EditsNotSynced, 0..40),
    (Fault::StaleAccess, 0..30),
    (Fault::NoAudit, LATEST_FROM..LATEST_FROM + 50),
    (Fault::NameTooEarly, LATEST_FROM..LATEST_FROM + 20),
    (Fault::RefuseOldPush, LATEST_FROM..LATEST_FROM + 30),
    (Fault::ForgetLost, RESTORES_FROM..RESTORES_FROM + 300),
    (Fault::RepeatStamps, GOES_BACK_FROM..GOES_BACK_FROM + 60),
    (Fault::NoNewEpoch, GOES_BACK_FROM..GOES_BACK_FROM + 60),
    (Fault::TrustHeads, GOES_BACK_FROM..GOES_BACK_FROM + 30),
    (Fault::KeepAcknowledged, GOES_BACK_FROM..GOES_BACK_FROM + 300),
    (Fault::KeepUnknownAcknowledged, GOES_BACK_FROM..GOES_BACK_FROM + 30),
    (Fault::ForgetCheck, EVERY_TABLE_FROM..EVERY_TABLE_FROM + 60),
    (Fault::ForeignOrganization, EVERY_TABLE_FROM..EVERY_TABLE_FROM + 60),
    (Fault::ForgetFollow, 0..60),
    (Fault::UndoTwice, TAKES_BACK_FROM..TAKES_BACK_FROM + 30),
    (Fault::HalfImport, TAKES_BACK_FROM..TAKES_BACK_FROM + 30),
];

#[test]
fn every_injected_fault_is_found() {
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
