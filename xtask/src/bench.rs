//! `cargo xtask bench`, `load` and `storm`: the long runs, from a release build.

use std::process::Command;

use crate::{Outcome, checks, demo, packages, places, run};

/// Builds for release and hands over to the benchmarks, with the names asked for or all.
pub fn bench(names: &[&str]) -> Outcome {
    let names = names.join(",");
    if names.is_empty() { release("bench", &[]) } else { release("bench", &["--only", &names]) }
}

/// Builds for release and hands over to the simulated devices.
pub fn load(options: &[&str]) -> Outcome {
    release("load", options)
}

/// Builds for release and lets a storm pass.
pub fn storm(options: &[&str]) -> Outcome {
    release("storm", options)
}

fn release(program: &str, arguments: &[&str]) -> Outcome {
    packages::see_to()?;
    if !run::shown(checks::cargo(&["build", "--release", "-p", "sync-server", "-p", "waystation-tests", "--bins"]).env_remove("RUSTFLAGS"))?
    {
        return Err("the benchmarks could not be built".to_owned());
    }
    let mut command = Command::new(places::target().join("release").join(program));
    command.args(arguments);
    demo::become_program(command)
}
