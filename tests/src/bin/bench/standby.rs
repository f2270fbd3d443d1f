//! `commit_off` to `commit_remote_apply`: one change of topic progress per transaction, by plain SQL with its feeds, at every setting of
//! `synchronous_commit`, with one streaming standby. The floor is `off`, which does not wait for a flush.
//!
//! PostgreSQL's own `pgbench` makes the load. Rounds alternate between the settings, so that other work on the machine affects all of them
//! alike. Primary and standby share one disk here: on two machines one disk does not flush twice, and the network latency is added instead.

use std::path::Path;
use std::time::Duration;

use waystation_tests::Outcome;
use waystation_tests::cluster::Durability;
use waystation_tests::cluster::node::Node;
use waystation_tests::crowd::{LEARNERS, Progress, fill};

use super::floor::copy_with_triggers;
use super::report::{Figure, Pairs, rounded};

/// The settings, each stricter than the one before it. The first is the floor.
const SETTINGS: [(&str, &str); 5] = [
    ("off", "commit_off"),
    ("local", "commit_local"),
    ("remote_write", "commit_remote_write"),
    ("on", "commit_on"),
    ("remote_apply", "commit_remote_apply"),
];
/// Courses, with one topic each. Changes in one course wait for each other.
const COURSES: usize = 4;
/// Concurrent sessions.
const SESSIONS: usize = 8;
/// How long a round of `pgbench` may take.
const ROUND_TIME_MAX: Duration = Duration::from_secs(300);

/// Measures `rounds` rounds of each setting and prints one line per setting.
pub async fn measure(transactions: usize, rounds: usize) -> Outcome<()> {
    let each = (transactions / SESSIONS).max(1);
    eprintln!("commit: {} transactions of {SESSIONS} sessions with a standby", each * SESSIONS);
    let primary = Node::new(Durability::Full).await?;
    fill(&primary.database(), LEARNERS, COURSES).await?;
    let rows: Vec<Progress> = (0..LEARNERS).map(row).collect();
    copy_with_triggers(&mut primary.database().connect().await?, &rows).await?;
    let standby = primary.standby(Durability::Full).await?;
    primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'").await?;
    primary.run("SELECT pg_reload_conf()").await?;
    standby.wait_until_caught_up(&primary).await?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("change.sql");
    std::fs::write(&script, script_text())?;
    let mut measured: Vec<Pairs> = SETTINGS.iter().map(|_| Pairs::default()).collect();
    for _ in 0..rounds {
        let mut floor = None;
        for ((setting, name), pairs) in SETTINGS.iter().zip(&mut measured) {
            let seconds = round(&primary, setting, each, &script, folder.path())?;
            eprint!("  {name}");
            pairs.add(seconds, *floor.get_or_insert(seconds));
        }
    }
    for ((_, name), pairs) in SETTINGS.iter().zip(&measured) {
        let (seconds, floor_seconds, ratio) = pairs.medians();
        Figure {
            name,
            n: each * SESSIONS,
            seconds: Some(rounded(seconds, 3)),
            floor_seconds: Some(rounded(floor_seconds, 3)),
            ratio: Some(rounded(ratio, 2)),
            p50_ms: Some(rounded(seconds / each as f64 * 1_000.0, 2)),
            ..Figure::default()
        }
        .print();
    }
    Ok(())
}

/// A learner's progress in a topic of one of the courses.
fn row(learner: usize) -> Progress {
    Progress::of(learner, learner % COURSES)
}

/// One learner reads on. As in a push, the feeds of the learner and of the course's instructor change too.
fn script_text() -> String {
    let ids: Vec<String> = (0..LEARNERS).map(|learner| format!("'{}'", row(learner).row_id())).collect();
    format!(
        "\\set learner random(1, {LEARNERS})\nUPDATE topic_progress SET seconds_watched = seconds_watched + 1 WHERE id = ((ARRAY[{}])[:learner])::uuid;\n",
        ids.join(",")
    )
}

/// Runs one round and returns its seconds, without connecting.
fn round(primary: &Node, setting: &str, each: usize, script: &Path, folder: &Path) -> Outcome<f64> {
    let log = folder.join("pgbench.log");
    primary.pgbench(setting, SESSIONS, each, script)?.run(&log, ROUND_TIME_MAX)?;
    let text = std::fs::read_to_string(&log)?;
    let word = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()).ok_or_else(|| format!("no tps in {text}"))?;
    Ok((each * SESSIONS) as f64 / word.parse::<f64>()?)
}
