//! `cargo xtask generate`: the files that are generated from the Rust types and committed.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, checks, paths, run, ui};

/// A file, and the program that prints it.
struct Generated {
    file: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

const GENERATED: &[Generated] = &[
    Generated { file: "ui/src/shared/desktop/generated.ts", program: "examples/print_typescript", arguments: &[] },
    Generated { file: "migrations/server/generated/feeds.sql", program: "examples/print_feeds", arguments: &[] },
    Generated { file: "migrations/server/generated/row_security.sql", program: "examples/print_row_security", arguments: &[] },
    Generated { file: "docs/ERRORS.md", program: "examples/print_errors", arguments: &[] },
    Generated { file: "docs/DOMAIN.md", program: "examples/print_domain", arguments: &["docs/DOMAIN.md"] },
    Generated { file: "docs/openapi.json", program: "sync-server", arguments: &["openapi"] },
];

/// Writes every file that has changed.
pub fn generate() -> Result<(), String> {
    for (file, text) in printed()? {
        let path = paths::root().join(file);
        if stored(&path) != text {
            std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|error| format!("{file}: {error}"))?;
            println!("written: {file}");
        }
    }
    Ok(())
}

/// True when every file is up to date; prints those that are not.
pub fn check() -> Outcome {
    let mut all_current = true;
    for (file, text) in printed()? {
        if stored(&paths::root().join(file)) != text {
            eprintln!("stale: {file} (run `cargo xtask generate`)");
            all_current = false;
        }
    }
    Ok(all_current)
}

fn printed() -> Result<Vec<(&'static str, String)>, String> {
    if !paths::ui().join("dist/index.html").is_file() && !ui::build()? {
        return Err("the screens could not be built".to_owned());
    }
    // The whole workspace: a part of it needs other features of the libraries, and all of them would be built twice.
    if !run::shown(&mut checks::cargo(&["build", "--quiet", "--workspace", "--exclude", "xtask", "--examples", "--bins"]))? {
        return Err("the generators could not be built".to_owned());
    }
    let folder = paths::target().join("debug");
    GENERATED.iter().map(|generated| Ok((generated.file, print(&folder, generated)?))).collect()
}

fn print(folder: &Path, generated: &Generated) -> Result<String, String> {
    run::output(Command::new(folder.join(generated.program)).args(generated.arguments))
}

/// The committed file, with the repository's line ends, which a checkout may have converted.
fn stored(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n")
}
