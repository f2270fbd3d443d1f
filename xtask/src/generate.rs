//! `cargo xtask generate`: the files that are written from the Rust types and checked in.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, checks, places, run};

/// A file, and the program that prints it.
struct Generated {
    file: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

const GENERATED: &[Generated] = &[
    Generated { file: "ui/src/shared/desktop/generated.ts", program: "examples/print_typescript", arguments: &[] },
    Generated { file: "migrations/server/generated/feeds.sql", program: "examples/print_feeds", arguments: &[] },
    Generated { file: "docs/ERRORS.md", program: "examples/print_errors", arguments: &[] },
    Generated { file: "docs/DOMAIN.md", program: "examples/print_domain", arguments: &["docs/DOMAIN.md"] },
    Generated { file: "docs/openapi.json", program: "sync-server", arguments: &["openapi"] },
];

/// Writes every file anew.
pub fn generate() -> Result<(), String> {
    for (file, text) in printed()? {
        let path = places::root().join(file);
        if stored(&path) != text {
            std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|error| format!("{file}: {error}"))?;
            println!("written: {file}");
        }
    }
    Ok(())
}

/// True when every file is as it would be written; names those that are not.
pub fn check() -> Outcome {
    let mut all_well = true;
    for (file, text) in printed()? {
        if stored(&places::root().join(file)) != text {
            eprintln!("stale: {file} (run `cargo xtask generate`)");
            all_well = false;
        }
    }
    Ok(all_well)
}

fn printed() -> Result<Vec<(&'static str, String)>, String> {
    let packages = ["-p", "waystation-model", "-p", "waystation-client", "-p", "sync-server"];
    if !run::shown(checks::cargo(&["build", "--quiet", "--examples", "--bins"]).args(packages))? {
        return Err("the programs that print what is generated could not be built".to_owned());
    }
    let folder = places::target().join("debug");
    GENERATED.iter().map(|generated| Ok((generated.file, print(&folder, generated)?))).collect()
}

fn print(folder: &Path, generated: &Generated) -> Result<String, String> {
    run::output(Command::new(folder.join(generated.program)).args(generated.arguments))
}

/// What is checked in; line ends are those of the repository, whatever a checkout made of them.
fn stored(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n")
}
