//! The stages of a command: each is announced, timed, and counted.

use std::time::{Duration, Instant};

/// Numbers of checks that passed, failed and were skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Counts {
    /// The counts of one check.
    pub fn one(passed: bool) -> Counts {
        Counts { passed: passed.into(), failed: (!passed).into(), skipped: 0 }
    }

    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The stages of one command.
#[derive(Default)]
pub struct Stages {
    done: Vec<(String, Duration, Counts)>,
}

impl Stages {
    /// Runs one stage. One that cannot run at all counts as one failure, and the others still run.
    pub fn stage(&mut self, name: &str, work: impl FnOnce() -> Result<Counts, String>) -> bool {
        println!("── {name}");
        let begun = Instant::now();
        let counts = work().unwrap_or_else(|error| {
            eprintln!("{error}");
            Counts::one(false)
        });
        let took = begun.elapsed();
        println!("── {name}: {} ({:.1} s)", if counts.failed == 0 { "ok" } else { "FAILED" }, took.as_secs_f64());
        self.done.push((name.to_owned(), took, counts));
        counts.failed == 0
    }

    /// Prints the time of every stage, and the counts as the last line. True when nothing failed.
    pub fn end(self) -> bool {
        let mut all = Counts::default();
        println!();
        for (name, took, counts) in &self.done {
            all.add(*counts);
            let word = if counts.failed == 0 { "ok    " } else { "FAILED" };
            println!("{word} {:>7.1} s  {:>5} passed  {:>3} failed  {name}", took.as_secs_f64(), counts.passed, counts.failed);
        }
        println!();
        let skipped = if all.skipped > 0 { format!(", {} skipped", all.skipped) } else { String::new() };
        println!("{} passed, {} failed{skipped}", all.passed, all.failed);
        all.failed == 0
    }
}
