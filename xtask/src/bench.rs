//! `cargo xtask bench`, `load` and `storm`: the long runs, from a release build.

use std::process::Command;

use crate::{Outcome, checks, demo, packages, paths, run};

/// Builds for release and runs the benchmarks: the named ones, or all.
pub fn bench(names: &[&str]) -> Outcome {
    let names = names.join(",");
    if names.is_empty() { release("bench", &[]) } else { release("bench", &["--only", &names]) }
}

/// Builds for release and runs the load test.
pub fn load(options: &[&str]) -> Outcome {
    release("load", options)
}

/// Builds for release and runs the storm test.
pub fn storm(options: &[&str]) -> Outcome {
    release("storm", options)
}

fn release(program: &str, arguments: &[&str]) -> Outcome {
    packages::ensure()?;
    if !run::shown(checks::cargo(&["build", "--release", "-p", "sync-server", "-p", "waystation-tests", "--bins"]).env_remove("RUSTFLAGS"))?
    {
        return Err("the benchmarks could not be built".to_owned());
    }
    let mut command = Command::new(paths::target().join("release").join(program));
    command.args(arguments);
    demo::exec(command)
}
