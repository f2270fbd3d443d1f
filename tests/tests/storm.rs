//! A short storm over real processes. `cargo xtask storm` runs a long one.

use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;
use waystation_tests::storm;

/// Processes to kill.
const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_loses_nothing_and_does_nothing_twice() -> Outcome<()> {
    let mut cluster = Cluster::kept("tests/storm/cluster").await?;
    let folder = tempfile::tempdir()?;
    let outcome = storm::run(&mut cluster, folder.path(), KILLS, 7).await;
    cluster.stop();
    let storm = outcome?;
    assert_eq!(storm.kills(), KILLS);
    assert!(storm.edits > 50, "{storm:?}");
    assert!(storm.files > 0, "{storm:?}");
    Ok(())
}
