//! `cargo xtask new-table --try`: makes the table `visitors` in a copy of the workspace, by the files of `cargo xtask new-table` alone,
//! builds the copy and runs `tests/new_table/visitors.rs` there.
//!
//! It is no part of `cargo xtask test`: the copy compiles every crate of the workspace once more, which takes as long as a build
//! after a change of the registry. It uses the same target folder, so the libraries are not compiled again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, checks, new_table, paths, run, ui};

/// The table.
const NAME: &str = "visitors";
/// The test that is added to the copy, and where.
const TEST: (&str, &str) = ("tests/new_table/visitors.rs", "tests/tests/new_table.rs");
/// What the programs contain of the generated files. They are printed by the registry's own crate, so that the others are compiled once.
const SQL: &[(&str, &str)] =
    &[("migrations/server/generated/feeds.sql", "print_feeds"), ("migrations/server/generated/row_security.sql", "print_row_security")];
/// The built screens: no part of the repository, and the window's program contains them.
const SCREENS: &str = "ui/dist";

/// Makes the copy, builds it and runs the test in it.
pub fn try_it() -> Outcome {
    let copy = paths::target().join("new-table");
    make_copy(&copy)?;
    for file in new_table::write(&copy, NAME)? {
        println!("by hand: {}", file.display());
    }
    copy_file(&paths::root().join(TEST.0), &copy.join(TEST.1))?;
    for (file, program) in SQL {
        let printed = run::output(cargo(&copy).args(["run", "--quiet", "--package", "waystation-model", "--example", program]))?;
        fs::write(copy.join(file), printed).map_err(|error| format!("{file}: {error}"))?;
    }
    run::shown(cargo(&copy).args(["test", "--workspace", "--exclude", "xtask", "--test", "new_table"]))
}

/// Cargo in the copy, with the target folder of this workspace.
fn cargo(copy: &Path) -> Command {
    let mut command = checks::cargo(&[]);
    command.current_dir(copy).env("CARGO_TARGET_DIR", paths::target());
    command
}

/// Copies what git tracks or would track, and the built screens.
fn make_copy(copy: &Path) -> Result<(), String> {
    if !paths::root().join(SCREENS).join("index.html").is_file() && !ui::build()? {
        return Err("the screens could not be built".to_owned());
    }
    if copy.exists() {
        fs::remove_dir_all(copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    }
    let mut git = Command::new("git");
    let listed = run::output(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(paths::root()))?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let from = paths::root().join(name);
        // A file that was deleted and not committed yet is still listed.
        if from.is_file() {
            copy_file(&from, &copy.join(name))?;
        }
    }
    copy_folder(&paths::root().join(SCREENS), &copy.join(SCREENS))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    for path in entries {
        let name = path.file_name().ok_or("an entry of a folder has a name")?;
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), String> {
    let folder = to.parent().ok_or("a file lies in a folder")?;
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", from.display()))
}
