//! The development commands of Waystation:
//!
//! ```text
//! cargo xtask demo [--headless] [--gallery]   the app with a demonstration organization
//! cargo xtask test                            every check and every test
//! cargo xtask bench [NAME…]                   the benchmarks, from a release build
//! cargo xtask load [OPTION…]                  thousands of devices at one server, from a release build
//! cargo xtask storm [OPTION…]                 real processes are killed, and no change is lost
//! cargo xtask sim [--seeds N] [--from S] [--clients C] [--steps K]
//!                                             many simulated laptops and a server in one thread, from seeds
//! cargo xtask generate [--check]              the files that are generated from the Rust types
//! cargo xtask new-table NAME                  the seven files of a new synced table, to be filled in
//! cargo xtask new-table --try                 makes a table in a copy of the workspace and tests it there
//! ```
//!
//! It has no dependencies, so a fresh checkout compiles it quickly. It installs what the other builds need.

mod bench;
mod checks;
mod demo;
mod deny;
mod description;
mod generate;
mod new_table;
mod new_table_trial;
mod node;
mod packages;
mod paths;
mod run;
mod sim;
mod stage;
mod test;
mod ui;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo [--headless] [--gallery]   the app with a demonstration organization
cargo xtask test                            every check and every test
cargo xtask bench [NAME...]                 the benchmarks, from a release build
cargo xtask load [OPTION...]                thousands of devices at one server, from a release build
cargo xtask storm [OPTION...]               real processes are killed, and no change is lost
cargo xtask sim [--seeds N] [--from S] [--clients C] [--steps K]
                                            many simulated laptops and a server in one thread, from seeds
cargo xtask generate [--check]              the files that are generated from the Rust types
cargo xtask new-table NAME                  the seven files of a new synced table, to be filled in
cargo xtask new-table --try                 makes a table in a copy of the workspace and tests it there";

/// The result of a command: whether all checks passed, or why it could not run.
pub type Outcome = Result<bool, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["demo", options @ ..] if only(options, &["--headless", "--gallery"]) => demo::demo(options),
        ["test"] => test::test(),
        ["bench", names @ ..] => bench::bench(names),
        ["load", options @ ..] => bench::load(options),
        ["storm", options @ ..] => bench::storm(options),
        ["sim", options @ ..] => sim::sim(options),
        ["generate"] => generate::generate().map(|()| true),
        ["generate", "--check"] => generate::check(),
        ["new-table", "--try"] => new_table_trial::try_it(),
        ["new-table", name] => new_table::new_table(name),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => Err(format!("usage:\n{USAGE}")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn only(options: &[&str], known: &[&str]) -> bool {
    options.iter().all(|option| known.contains(option))
}
