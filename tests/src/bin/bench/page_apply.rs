//! `page_apply`: full pages applied to a laptop with a million rows, compared with one with ten thousand.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use waystation_client::store::apply::Verdict;
use waystation_client::store::page::{Answer, outline};
use waystation_client::store::{Owner, Writer};
use waystation_client::sync::exchange::{Fetched, PAGES_TOGETHER_MAX, Position, apply};
use waystation_model::access::Role;
use waystation_model::limits::PAGE_ROWS_MAX;
use waystation_tests::Outcome;

use super::laptop::key;
use super::report::{Figure, Pairs, rounded};
use waystation_tests::crowd::{INSTRUCTOR, Progress, device, id, instructor, organization};

/// Transactions of one round, each with as many pages as a long sync stores together.
const TRANSACTIONS: usize = 3;
/// Rows of one transaction.
const TRANSACTION_ROWS: usize = PAGES_TOGETHER_MAX * PAGE_ROWS_MAX;
/// Rows of the small laptop.
const FEW: usize = 10_000;
/// The clock; the result does not depend on it.
const NOW_MS: i64 = 1_800_000_000_000;

/// A laptop's database, and how many rows it has received.
struct Laptop {
    writer: Writer,
    rows: usize,
    _folder: TempDir,
}

/// Measures the pairs and prints the line: seconds a page.
pub fn measure(many: usize, pairs: usize) -> Outcome<()> {
    eprintln!("page_apply: {many} rows against {FEW}");
    let mut large = Laptop::with(many)?;
    let mut measured = Pairs::default();
    for _ in 0..pairs {
        // A new one each time, so that it stays small.
        let mut small = Laptop::with(FEW)?;
        measured.add(large.round()?, small.round()?);
    }
    let (seconds, floor_seconds, ratio) = measured.medians();
    Figure {
        name: "page_apply",
        n: TRANSACTIONS * TRANSACTION_ROWS,
        seconds: Some(rounded(seconds, 5)),
        floor_seconds: Some(rounded(floor_seconds, 5)),
        ratio: Some(rounded(ratio, 2)),
        ..Figure::default()
    }
    .print();
    eprintln!("  {:.0} rows/s into the large one", PAGE_ROWS_MAX as f64 / seconds);
    Ok(())
}

impl Laptop {
    fn with(rows: usize) -> Outcome<Laptop> {
        let folder = tempfile::tempdir()?;
        let mut laptop = Laptop { writer: open(folder.path())?, rows: 0, _folder: folder };
        while laptop.rows < rows {
            laptop.take_pages(1)?;
        }
        Ok(laptop)
    }

    /// Seconds a page.
    fn round(&mut self) -> Outcome<f64> {
        let mut seconds = 0.0;
        for _ in 0..TRANSACTIONS {
            seconds += self.take_pages(PAGES_TOGETHER_MAX)?;
        }
        Ok(seconds / (TRANSACTIONS * PAGES_TOGETHER_MAX) as f64)
    }

    /// Stores the next pages in one transaction; seconds.
    fn take_pages(&mut self, count: usize) -> Outcome<f64> {
        let mut pages = Vec::with_capacity(count);
        for number in 0..count {
            let bytes = Bytes::from(page(self.rows + number * PAGE_ROWS_MAX)?);
            let Answer::Page(outline) = outline(&bytes)? else { return Err("not a page".into()) };
            pages.push(Fetched { bytes, outline, asked_with_cursors: true, offset_ms: Some(0) });
        }
        let asker = Position::of(&self.writer)?.requester();
        let started = Instant::now();
        let verdict = apply(&mut self.writer, &asker, NOW_MS, &pages)?;
        let seconds = started.elapsed().as_secs_f64();
        if !matches!(&verdict, Some(Verdict::Applied(applied)) if applied.rows == count * PAGE_ROWS_MAX) {
            return Err(format!("the pages were not applied: {verdict:?}").into());
        }
        self.rows += count * PAGE_ROWS_MAX;
        Ok(seconds)
    }
}

fn open(folder: &Path) -> Outcome<Writer> {
    let owner = Owner {
        user_id: instructor(),
        organization_id: organization(),
        organization_name: "Bench".into(),
        user_name: "instructor".into(),
        full_name: "Bench Person".into(),
        role: Role::Instructor,
        server: "http://127.0.0.1:1".into(),
    };
    Ok(Writer::open_for(&folder.join("store.db"), &key(), device(INSTRUCTOR), &owner)?)
}

/// The page that starts at this row: progress in the middle of a long first sync.
fn page(first: usize) -> Outcome<Vec<u8>> {
    let course = id(2, 0);
    let rows: Vec<Value> = (first..first + PAGE_ROWS_MAX)
        .map(|number| {
            let progress = Progress { course, ..Progress::of(number / 1_000, number % 1_000) };
            let mut tuple = vec![json!(1_900_000_000_000_000_i64 + number as i64), json!(NOW_MS), json!(NOW_MS)];
            tuple.extend(progress.values());
            Value::Array(tuple)
        })
        .collect();
    let columns: Vec<&str> = ["stamp", "created_at", "updated_at"].into_iter().chain(Progress::COLUMNS).collect();
    let scope = format!("results:{course}");
    let lines = [
        json!({"line": "page", "epoch": 1, "applied_upto": 0, "chain": "0".repeat(64), "server_time": NOW_MS, "rows_left": 1_000_000}),
        json!({"line": "rows", "scope": scope, "entity": "topic_progress", "columns": columns, "rows": rows}),
        json!({"line": "scope", "scope": scope, "cursor": first + PAGE_ROWS_MAX, "head": 100_000_000, "checksum": 0}),
        json!({"line": "end", "more": true}),
    ];
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, &line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
