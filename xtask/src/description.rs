//! Checks `docs/openapi.json` with two external programs: a validator, and schemathesis, which generates requests from it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::stage::Counts;
use crate::{checks, paths, run};

/// The exact versions of both programs and of their dependencies.
const REQUIREMENTS: &str = "tests/description/requirements.txt";
/// The test that starts a server and runs schemathesis against it. The other tests skip it, because it needs that program.
pub const TEST: &str = "description::generated_requests_are_answered_as_described";

/// Checks that the description is a valid OpenAPI document.
pub fn validated() -> Result<Counts, String> {
    let validator = tools()?.join("openapi-spec-validator");
    run::shown(Command::new(validator).args(["--validation-errors", "all", "docs/openapi.json"]).current_dir(paths::root()))
        .map(Counts::one)
}

/// Checks that a real server answers the requests of schemathesis as described.
pub fn tried() -> Result<Counts, String> {
    let schemathesis = tools()?.join("schemathesis");
    let mut test = checks::cargo(&["test", "--workspace", "--test", "server", "--", "--ignored", "--exact", TEST]);
    let counts = checks::counted(test.env("WAYSTATION_SCHEMATHESIS", schemathesis))?;
    // A filter that fits no test passes: the test was renamed and this name was not.
    if counts.passed + counts.failed == 0 { Err(format!("there is no test {TEST}")) } else { Ok(counts) }
}

/// The folder of both programs, in a Python environment below the target folder. It is recreated when the versions change.
fn tools() -> Result<PathBuf, String> {
    let folder = paths::tools().join("python");
    let programs = folder.join("bin");
    let wanted = fs::read_to_string(paths::root().join(REQUIREMENTS)).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
    let installed = folder.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    let made = run::shown(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?
        && run::shown(
            Command::new(programs.join("python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS])
                .current_dir(paths::root()),
        )?;
    if !made {
        return Err("the programs that check docs/openapi.json could not be installed".to_owned());
    }
    // Written last, so that an interrupted installation is repeated.
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(programs)
}
