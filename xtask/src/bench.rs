//! `cargo xtask bench`: the figures, from a release build.

use std::process::Command;

use crate::{Outcome, checks, demo, packages, places, run};

/// Builds for release and hands over to the benchmarks, with the names asked for or all.
pub fn bench(names: &[&str]) -> Outcome {
    packages::see_to()?;
    if !run::shown(checks::cargo(&["build", "--release", "-p", "sync-server", "-p", "waystation-tests", "--bins"]).env_remove("RUSTFLAGS"))?
    {
        return Err("the benchmarks could not be built".to_owned());
    }
    let mut bench = Command::new(places::target().join("release/bench"));
    bench.args(names);
    demo::become_program(bench)
}
