//! `cargo xtask test`: every check and every test.

use std::process::Command;

use crate::stage::{Counts, Stages};
use crate::{Outcome, checks, deny, description, generate, node, packages, paths, run, ui};

/// Runs all stages, also after a failure, and prints one line of counts at the end.
pub fn test() -> Outcome {
    let mut stages = Stages::default();
    stages.stage("system packages", || packages::ensure().map(|()| Counts::default()));
    stages.stage("format", checks::format);
    // First, because the window's program cannot be built without its screens, and everything is built at once from then on.
    let has_screens = stages.stage("screens", || ui::build().map(Counts::one));
    stages.stage("generated files", || generate::check().map(Counts::one));
    stages.stage("programs and tests", checks::build_all);
    let computing = checks::begin_computing();
    stages.stage("types of the screens", || npm_check(&["run", "check"]));
    stages.stage("style of the screens", || npm_check(&["run", "lint"]));
    stages.stage("tests of the screens", vitest);
    stages.stage("clippy", checks::clippy);
    stages.stage("licences, sources and bans", deny::deny);
    stages.stage("form of the HTTP description", description::validated);
    stages.stage("tests of the programs", checks::rust_tests);
    stages.stage("generated requests against the HTTP description", description::tried);
    if has_screens {
        stages.stage("the journey in the real window", journey);
    }
    stages.stage("histories of the simulator", || checks::end_computing(computing));
    Ok(stages.end())
}

fn npm_check(arguments: &[&str]) -> Result<Counts, String> {
    run::shown(&mut node::npm(arguments)).map(Counts::one)
}

fn vitest() -> Result<Counts, String> {
    let report = paths::target().join("vitest.json");
    // Otherwise an old report would be read after a run that wrote none.
    let _ = std::fs::remove_file(&report);
    let mut vitest = node::npm(&["exec", "--", "vitest", "run", "--reporter=default", "--reporter=json"]);
    vitest.arg(format!("--outputFile.json={}", report.display()));
    let succeeded = run::shown(&mut vitest)?;
    let text = std::fs::read_to_string(&report).unwrap_or_default();
    let number = |name: &str| number_after(&text, name);
    let mut counts = Counts {
        passed: number("numPassedTests").unwrap_or(0),
        failed: number("numFailedTests").unwrap_or(0),
        skipped: number("numPendingTests").unwrap_or(0),
    };
    if !succeeded && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// The number that follows a name in JSON.
fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(&format!("\"{name}\":"))?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn journey() -> Result<Counts, String> {
    if !checks::build_programs()? {
        return Ok(Counts::one(false));
    }
    let mut counts = Counts::default();
    let mut journey = Command::new(paths::target().join("debug/demo"));
    let succeeded = run::with_lines(journey.arg("--headless").current_dir(paths::root()), |line| counts.add(step(line)))?;
    if !succeeded && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// Counts a line of the journey: `ok 03 …` or `FAILED 03 …`.
fn step(line: &str) -> Counts {
    let is_step = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_digit());
    match line.split_once(' ') {
        Some(("ok", rest)) if is_step(rest) => Counts::one(true),
        Some(("FAILED", rest)) if is_step(rest) => Counts::one(false),
        _ => Counts::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_journey_are_counted() {
        assert_eq!(step("ok 03 The app is killed"), Counts::one(true));
        assert_eq!(step("FAILED 04 A teacher marks a day: why"), Counts::one(false));
        assert_eq!(step("ok, then"), Counts::default());
    }

    #[test]
    fn a_number_is_found_in_json() {
        assert_eq!(number_after(r#"{"numPassedTests": 41,"numFailedTests":2}"#, "numPassedTests"), Some(41));
        assert_eq!(number_after("{}", "numPassedTests"), None);
    }
}
