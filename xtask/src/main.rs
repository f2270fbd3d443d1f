//! Every chore of Waystation has one command:
//!
//! ```text
//! cargo xtask demo [--headless] [--gallery]   the app with a demonstration organization
//! cargo xtask test                            every check and every test
//! cargo xtask bench [NAME…]                   the figures, from a release build
//! cargo xtask load [OPTION…]                  thousands of devices at one server, from a release build
//! cargo xtask storm [OPTION…]                 processes killed for real, and nothing lost
//! cargo xtask sim [--seeds N] [--from S] [--clients C] [--steps K]
//!                                             many laptops and a server in one thread, from seeds
//! cargo xtask generate [--check]              what is written from the Rust types
//! ```
//!
//! It has no dependencies, so that it is the first thing a newcomer's machine compiles, and sees to what is missing.

mod bench;
mod checks;
mod demo;
mod deny;
mod description;
mod generate;
mod node;
mod packages;
mod places;
mod run;
mod sim;
mod stage;
mod test;
mod ui;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo [--headless] [--gallery]   the app with a demonstration organization
cargo xtask test                            every check and every test
cargo xtask bench [NAME...]                 the figures, from a release build
cargo xtask load [OPTION...]                thousands of devices at one server, from a release build
cargo xtask storm [OPTION...]               processes killed for real, and nothing lost
cargo xtask sim [--seeds N] [--from S] [--clients C] [--steps K]
                                            many laptops and a server in one thread, from seeds
cargo xtask generate [--check]              what is written from the Rust types";

/// What a chore ends with: whether all is well, or why it could not be done at all.
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
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => Err(format!("usage:\n{USAGE}")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn only(options: &[&str], known: &[&str]) -> bool {
    options.iter().all(|option| known.contains(option))
}
