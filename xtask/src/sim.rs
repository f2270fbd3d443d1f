//! `cargo xtask sim`: the simulator, from a release build, so that tens of thousands of seeds run in minutes.

use std::process::Command;

use crate::{Outcome, checks, paths, run};

/// Builds the simulator and runs it with these options.
pub fn sim(options: &[&str]) -> Outcome {
    if !run::shown(checks::cargo(&["build", "--release", "-p", "waystation-sim", "--bin", "sim"]).env_remove("RUSTFLAGS"))? {
        return Err("the simulator could not be built".to_owned());
    }
    run::shown(Command::new(paths::target().join("release/sim")).args(options).current_dir(paths::root()))
}
