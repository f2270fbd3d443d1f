//! cargo-deny: which licences, which sources and which crates may be in the tree.
//!
//! Advisories are not asked for here: their database is fetched anew each time and a check must give the same answer
//! twice, also without a network.

use std::process::Command;

use crate::stage::Counts;
use crate::{checks, places, run};

/// Installed into `target/tools` when it is not there: minutes, once.
const VERSION: &str = "0.20.2";

/// Checks the whole tree.
pub fn deny() -> Result<Counts, String> {
    let program = see_to()?;
    run::shown(Command::new(program).args(["--all-features", "check", "bans", "licenses", "sources"]).current_dir(places::root()))
        .map(Counts::one)
}

fn see_to() -> Result<std::path::PathBuf, String> {
    let program = places::tools().join("bin/cargo-deny");
    let is_ours = |program: &str| run::answer(program, &["--version"]).is_some_and(|text| text.ends_with(VERSION));
    if is_ours(&program.to_string_lossy()) {
        return Ok(program);
    }
    if is_ours("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let mut install = checks::cargo(&["install", "--locked", "--quiet", "--force", "--version", VERSION, "--root"]);
    install.arg(places::tools()).arg("cargo-deny");
    // It runs for seconds and is built for minutes: no time goes into making it fast.
    for (key, value) in [("LTO", "off"), ("CODEGEN_UNITS", "256"), ("OPT_LEVEL", "1")] {
        install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
    }
    if run::shown(&mut install)? { Ok(program) } else { Err("cargo-deny could not be installed".to_owned()) }
}
