//! An import whose process is killed leaves nothing, or everything.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::support::*;
use waystation_client::environment::Clock;
use waystation_client::records::import::{self, Import, sheet};
use waystation_client::store::Writer;
use waystation_model::access::Role;
use waystation_model::registry;

const ROWS: usize = 300;
/// The folder that the child imports into, and the step after which it waits to be killed.
const FOLDER: &str = "WAYSTATION_TEST_FOLDER";
const STEP: &str = "WAYSTATION_TEST_STEP";

fn file() -> String {
    let rows = (0..ROWS).map(|row| format!("Station {row},S-{row}\n"));
    std::iter::once("name,code\n".to_owned()).chain(rows).collect()
}

fn import() -> Import {
    let entity = registry::entity("stations").unwrap();
    let mapping = import::mapping(entity, &["name".into(), "code".into()]).unwrap();
    let sheet = sheet::read(file().as_bytes()).unwrap();
    let clock: Arc<dyn Clock> = HandClock::new();
    Import { entity, sheet, first_line: 2, mapping, words: Vec::new(), clear_empty: false, clock }
}

/// Says which step it has reached, and waits there for ever when it is the one.
fn reached(step: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "step {step}").unwrap();
    out.flush().unwrap();
    if std::env::var(STEP).is_ok_and(|wanted| wanted == step) {
        let _ = std::io::stdin().read(&mut [0]);
    }
}

/// Runs in a process of its own, which the tests below start and kill. Without a folder there is nothing to do.
#[test]
fn child_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let mut writer = open_writer(Path::new(&folder), Role::Admin, &[]);
    reached("begun");
    writer
        .durable_transaction(|connection, device| {
            let mut next = 5_000;
            let new_id = || {
                next += 1;
                id(next)
            };
            let mut planned = import::plan(connection, &device.owner, &import(), new_id)?;
            import::make(connection, device, NOW_MS, &mut planned)?;
            reached("made");
            Ok(())
        })
        .unwrap();
    reached("stored");
}

/// What the laptop has after its process was killed: stations, changes to send, and the number of the next change.
fn after_a_kill_at(step: &str, waits: bool) -> (i64, i64, i64) {
    let folder = tempfile::tempdir().unwrap();
    drop(open_writer(folder.path(), Role::Admin, &[]));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "imports_cut::child_that_is_killed", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(STEP, if waits { step } else { "" })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let wanted = format!("step {step}");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with(&wanted)), "the child never reached {step}");
    child.kill().unwrap();
    child.wait().unwrap();
    let writer = Writer::open(&folder.path().join("store.db"), &key()).unwrap();
    let rows = count(&writer, "SELECT count(*) FROM stations");
    (rows, count(&writer, "SELECT count(*) FROM outbox"), writer.device().next_n)
}

#[test]
fn a_kill_after_the_last_row_and_before_the_commit_leaves_nothing() {
    assert_eq!(after_a_kill_at("made", true), (0, 0, 1));
}

#[test]
fn a_kill_after_the_commit_leaves_all() {
    let all = i64::try_from(ROWS).unwrap();
    assert_eq!(after_a_kill_at("stored", true), (all, all, all + 1));
}

#[test]
fn a_kill_at_any_moment_leaves_nothing_or_all() {
    let all = i64::try_from(ROWS).unwrap();
    for _ in 0..4 {
        let left = after_a_kill_at("begun", false);
        assert!([(0, 0, 1), (all, all, all + 1)].contains(&left), "{left:?}");
    }
}
