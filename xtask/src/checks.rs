//! Checks and builds by cargo.

use std::process::Command;

use crate::run::Beside;
use crate::stage::Counts;
use crate::{description, paths, run};

/// A cargo command in the repository.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(paths::root());
    // Cargo describes this program in its environment. Build scripts of libraries look at it and would run again, and with them
    // everything above: after each cargo command that was not begun here.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Builds every program. The whole workspace at once, so that tests and demonstration share the compiled crates.
pub fn build_programs() -> Result<bool, String> {
    run::shown(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--bins"]))
}

/// Checks the formatting.
pub fn format() -> Result<Counts, String> {
    run::shown(&mut cargo(&["fmt", "--all", "--check"])).map(Counts::one)
}

/// Checks that clippy has no warnings.
pub fn clippy() -> Result<Counts, String> {
    run::shown(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).map(Counts::one)
}

/// Tests that only compute, for minutes.
const COMPUTING: [&str; 2] = ["laptops_and_server_agree_after_every_history", "every_injected_fault_is_found"];

/// Builds every program and every test.
pub fn build_all() -> Result<Counts, String> {
    run::shown(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--all-targets"])).map(Counts::one)
}

/// Starts the tests that only compute. They take what the other checks leave of the processors.
pub fn begin_computing() -> Result<Beside, String> {
    let mut computing = yielding(cargo(&["test", "--workspace", "--test", "sim", "--"]));
    run::beside(computing.args(COMPUTING))
}

/// Waits for the tests that only compute, and counts them.
pub fn end_computing(computing: Result<Beside, String>) -> Result<Counts, String> {
    let computing = computing?;
    counted_by(|each| computing.end(each))
}

/// Runs the other Rust tests, except the one that needs schemathesis. All have been built, because tests start programs.
pub fn rust_tests() -> Result<Counts, String> {
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast", "--", "--skip", description::TEST]);
    counted(tests.args(COMPUTING.iter().flat_map(|name| ["--skip", name])))
}

/// The command with the lowest priority: it takes what the others leave.
fn yielding(command: Command) -> Command {
    if !cfg!(unix) {
        return command;
    }
    let mut yielding = Command::new("nice");
    yielding.args(["-n", "19"]).arg(command.get_program()).args(command.get_args());
    yielding.current_dir(paths::root());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => yielding.env(name, value),
            None => yielding.env_remove(name),
        };
    }
    yielding
}

/// Runs tests and counts them.
pub fn counted(tests: &mut Command) -> Result<Counts, String> {
    counted_by(|each| run::with_lines(tests, each))
}

/// Counts the tests of a run that passes its lines on. A run without a test has failed: a name has changed.
fn counted_by(tests: impl FnOnce(&mut dyn FnMut(&str)) -> Result<bool, String>) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let succeeded = tests(&mut |line| {
        if let Some(more) = result_line(line) {
            counts.add(more);
        }
    })?;
    if (!succeeded || counts.passed == 0) && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// Parses `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn result_line(line: &str) -> Option<Counts> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in rest.split("; ") {
        let (number, word) = part.trim().split_once(' ')?;
        let number = number.parse().ok();
        match (word, number) {
            ("passed", Some(number)) => counts.passed = number,
            ("failed", Some(number)) => counts.failed = number,
            ("ignored", Some(number)) => counts.skipped = number,
            _ => {}
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(result_line(line), Some(Counts { passed: 12, failed: 3, skipped: 1 }));
        assert_eq!(result_line("running 3 tests"), None);
    }
}
