//! `cargo xtask demo`: sees to what is missing, builds, and becomes the demonstration.

use std::process::Command;

use crate::{Outcome, checks, packages, places, ui};

/// Builds everything and hands over to the demonstration's own program, which ends what it starts.
pub fn demo(options: &[&str]) -> Outcome {
    packages::see_to()?;
    if !ui::build()? {
        return Err("the screens could not be built".to_owned());
    }
    if !checks::build_programs()? {
        return Err("the programs could not be built".to_owned());
    }
    let mut demo = Command::new(places::target().join("debug/demo"));
    demo.args(options);
    become_program(demo)
}

/// Runs a program in our place, so that a signal for us is a signal for it.
#[cfg(unix)]
pub fn become_program(mut command: Command) -> Outcome {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(format!("{}: {error}", command.get_program().to_string_lossy()))
}

#[cfg(not(unix))]
pub fn become_program(mut command: Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    Ok(status.success())
}
