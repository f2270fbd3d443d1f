//! `cargo xtask demo`: installs what is missing, builds, and runs the demonstration.

use std::process::Command;

use crate::{Outcome, checks, packages, paths, ui};

/// Builds everything and runs the demonstration's program, which ends the processes that it starts.
pub fn demo(options: &[&str]) -> Outcome {
    packages::ensure()?;
    if !ui::build()? {
        return Err("the screens could not be built".to_owned());
    }
    if !checks::build_programs()? {
        return Err("the programs could not be built".to_owned());
    }
    let mut demo = Command::new(paths::target().join("debug/demo"));
    demo.args(options);
    exec(demo)
}

/// Replaces this process with a program, so that the program receives its signals.
#[cfg(unix)]
pub fn exec(mut command: Command) -> Outcome {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(format!("{}: {error}", command.get_program().to_string_lossy()))
}

#[cfg(not(unix))]
pub fn exec(mut command: Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    Ok(status.success())
}
