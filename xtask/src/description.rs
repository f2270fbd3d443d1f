//! `docs/openapi.json` against two programs of others: a validator of the form, and one that makes up requests from it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::stage::Counts;
use crate::{checks, places, run};

/// The exact versions of both and of what they need.
const REQUIREMENTS: &str = "tests/description/requirements.txt";
/// The test that starts a server and runs schemathesis against it. Left out of the other tests: it needs the program.
pub const TEST: &str = "description::made_up_requests_are_answered_as_described";

/// The description is a valid OpenAPI document.
pub fn validated() -> Result<Counts, String> {
    let validator = tools()?.join("openapi-spec-validator");
    run::shown(Command::new(validator).args(["--validation-errors", "all", "docs/openapi.json"]).current_dir(places::root()))
        .map(Counts::one)
}

/// A real server answers what schemathesis makes up from the description as the description says.
pub fn tried() -> Result<Counts, String> {
    let schemathesis = tools()?.join("schemathesis");
    let mut test = checks::cargo(&["test", "--workspace", "--test", "server", "--", "--ignored", "--exact", TEST]);
    checks::counted(test.env("WAYSTATION_SCHEMATHESIS", schemathesis))
}

/// Both programs, in a Python environment of their own below the target folder. Made anew when other versions are wanted.
fn tools() -> Result<PathBuf, String> {
    let folder = places::tools().join("python");
    let programs = folder.join("bin");
    let wanted = fs::read_to_string(places::root().join(REQUIREMENTS)).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
    let installed = folder.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    let made = run::shown(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?
        && run::shown(
            Command::new(programs.join("python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS])
                .current_dir(places::root()),
        )?;
    if !made {
        return Err("the programs that try docs/openapi.json could not be installed".to_owned());
    }
    // Written last: an installation that broke off is made again.
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(programs)
}
