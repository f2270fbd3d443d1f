//! cargo-deny: the allowed licences, sources and crates of dependencies.
//!
//! Advisories are not checked: their database is downloaded each time, and a check has to give the same result twice, also
//! without a network.

use std::process::Command;

use crate::stage::Counts;
use crate::{checks, paths, run};

/// The version that is installed into `target/tools` if it is missing. That takes minutes, once.
const VERSION: &str = "0.20.2";

/// Checks all dependencies.
pub fn deny() -> Result<Counts, String> {
    let program = ensure()?;
    run::shown(Command::new(program).args(["--all-features", "check", "bans", "licenses", "sources"]).current_dir(paths::root()))
        .map(Counts::one)
}

fn ensure() -> Result<std::path::PathBuf, String> {
    let program = paths::tools().join("bin/cargo-deny");
    let is_ours = |program: &str| run::output_if_ok(program, &["--version"]).is_some_and(|text| text.ends_with(VERSION));
    if is_ours(&program.to_string_lossy()) {
        return Ok(program);
    }
    if is_ours("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let mut install = checks::cargo(&["install", "--locked", "--quiet", "--force", "--version", VERSION, "--root"]);
    install.arg(paths::tools()).arg("cargo-deny");
    // It runs for seconds and is built for minutes: no time goes into making it fast.
    for (key, value) in [("LTO", "off"), ("CODEGEN_UNITS", "256"), ("OPT_LEVEL", "0")] {
        install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
    }
    if run::shown(&mut install)? { Ok(program) } else { Err("cargo-deny could not be installed".to_owned()) }
}
