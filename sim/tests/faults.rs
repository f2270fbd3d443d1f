//! A simulator that finds no fault proves nothing: each one that is planted is found within so many seeds.

use waystation_sim::faults::{Fault, Faults};
use waystation_sim::run::{Size, run};

/// Every fault, and the seeds within which it shows.
const WITHIN: &[(Fault, u64)] = &[
    (Fault::ForgetLedger, 5),
    (Fault::SkipVersions, 5),
    (Fault::DropTombstone, 20),
    (Fault::OneFeedOfTwo, 5),
    (Fault::StampsAgain, 2_000),
    (Fault::LoseLoser, 40),
    (Fault::LoseHeld, 40),
    (Fault::DeleteUnseen, 400),
    (Fault::SkipChain, 400),
    (Fault::HalfPage, 20),
    (Fault::CursorOnly, 10),
    (Fault::KeepLostScope, 30),
    (Fault::ForgetPending, 30),
    (Fault::UncorrectedClocks, 40),
    (Fault::MeltIntoSent, 200),
    (Fault::ForgetRefusal, 40),
    (Fault::EditsNotSynced, 40),
    (Fault::StaleAccess, 30),
];

#[test]
fn every_planted_fault_is_found() {
    assert_eq!(WITHIN.len(), Fault::ALL.len());
    let unfound: Vec<Fault> = WITHIN
        .iter()
        .filter(|(fault, within)| (0..*within).all(|seed| run(seed, &Size::default(), &Faults::only(*fault)).is_ok()))
        .map(|(fault, _)| *fault)
        .collect();
    assert!(unfound.is_empty(), "not found: {unfound:?}");
}
