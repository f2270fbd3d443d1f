//! Node.js, which builds the user interface. The system's Node.js is used if it is new enough; otherwise npm downloads one
//! for this repository.

use std::path::PathBuf;
use std::process::Command;

use crate::{packages, paths, run};

/// The versions that Vite supports: 20 from this minor on, or any from 22.12 on.
const OLDEST_OF_20: (u32, u32) = (20, 19);
const OLDEST: (u32, u32) = (22, 12);
/// The package that is downloaded if the system's Node.js is too old.
const FETCHED: &str = "node@22";

/// Installs Node.js if there is none that is new enough.
pub fn ensure() -> Result<(), String> {
    if is_good(&version("node")) || is_good(&version(&fetched().join("node").to_string_lossy())) {
        return Ok(());
    }
    if run::output_if_ok("npm", &["--version"]).is_none() {
        if run::output_if_ok("dpkg-query", &["--version"]).is_none() {
            return Err("Node.js 22.12 or newer is missing: https://nodejs.org".to_owned());
        }
        packages::install(&["nodejs", "npm"])?;
        if is_good(&version("node")) {
            return Ok(());
        }
    }
    println!("the system's Node.js is too old: fetching {FETCHED} into target/tools");
    let folder = paths::tools().join("node");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(FETCHED);
    if run::shown(&mut npm)? && is_good(&version(&fetched().join("node").to_string_lossy())) {
        Ok(())
    } else {
        Err("Node.js 22.12 or newer is missing, and npm could not fetch it: https://nodejs.org".to_owned())
    }
}

/// An npm command in the folder of the user interface, with a supported Node.js first in `PATH`.
pub fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(arguments).current_dir(paths::ui());
    if !is_good(&version("node")) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let with = std::iter::once(fetched()).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(with).expect("no folder of PATH holds a separator"));
    }
    command
}

fn fetched() -> PathBuf {
    paths::tools().join("node/node_modules/node/bin")
}

fn version(node: &str) -> Option<(u32, u32)> {
    parse(&run::output_if_ok(node, &["--version"])?)
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn is_good(version: &Option<(u32, u32)>) -> bool {
    version.is_some_and(|version| version >= OLDEST || (version.0 == OLDEST_OF_20.0 && version >= OLDEST_OF_20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_vite_takes_are_good() {
        for (text, good) in [("v20.18.1", false), ("v20.19.0", true), ("v21.7.0", false), ("v22.11.0", false), ("v24.1.0", true)] {
            assert_eq!(is_good(&parse(text)), good, "{text}");
        }
        assert!(!is_good(&parse("no version")));
    }
}
