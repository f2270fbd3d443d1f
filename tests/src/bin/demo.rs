//! The demonstration: a private cluster, a filled organization, a server and the window, signed out.
//!
//! With a display, a person tries it. With `--headless`, or without a display, it runs the journey in the real window, prints one line per
//! step, and reports at the end how many failed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use waystation_tests::children::{Program, Signal};
use waystation_tests::journey::{self, DEMONSTRATION, DEMONSTRATION_PASSWORD, Stage};
use waystation_tests::{Outcome, paths, wait};

/// How long the app may take to close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);
/// An upper limit for a session with a person: one year.
const TRY_TIME_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The demonstration.
#[derive(Parser)]
struct Arguments {
    /// Go through the journey, also when there is a display.
    #[arg(long)]
    headless: bool,
    /// Take pictures of every screen in every look at the end of the journey.
    #[arg(long)]
    gallery: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tokio::select! {
        outcome = demo(&arguments) => match outcome {
            Ok(code) => code,
            Err(error) => {
                eprintln!("demo: {error}");
                ExitCode::FAILURE
            }
        },
        () = interrupted() => {
            // Every running process was owned by the value that was just dropped.
            eprintln!("demo: interrupted");
            ExitCode::from(130)
        }
    }
}

async fn demo(arguments: &Arguments) -> Outcome<ExitCode> {
    let folder = paths::folder("demo")?;
    let display = ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if arguments.headless || arguments.gallery || !display { headless(&folder, arguments.gallery).await } else { try_it(&folder).await }
}

async fn headless(folder: &Path, gallery: bool) -> Outcome<ExitCode> {
    let laptops = folder.join("laptops");
    remove(&laptops)?;
    for picture in
        std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "png"))
    {
        std::fs::remove_file(picture)?;
    }
    let mut stage = Stage::fresh(folder).await?;
    let tally = journey::run(&mut stage, &laptops, folder, gallery).await?;
    stage.end();
    println!("demo: {} steps, {} failed", tally.steps, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn try_it(folder: &Path) -> Outcome<ExitCode> {
    let stage = Stage::kept(folder).await?;
    let laptop: PathBuf = folder.join("laptop");
    std::fs::create_dir_all(&laptop)?;
    println!("\nThe server listens at {}. Everybody's password is {DEMONSTRATION_PASSWORD:?}:\n", stage.server.url());
    for (user_name, full_name, role) in DEMONSTRATION {
        println!("  {user_name:<8} {role:<11} {full_name}");
    }
    println!("\nLook into the database with: psql {}\nClose the window or press Ctrl+C to end.\n", stage.database_url());
    let mut window = Program::new("the window", paths::program("waystation")?).on_parent_exit(Signal::Terminate);
    for (name, value) in stage.variables() {
        window = window.variable(name, value);
    }
    let window = window.variable("WAYSTATION_DATA_DIR", laptop).start(&folder.join("logs/window.log"))?;
    let guard = Closing(window);
    let well = wait::until("the window is closed", TRY_TIME_MAX, || async { guard.0.ended() }).await?;
    if !well {
        return Err(guard.0.report("ended badly").into());
    }
    stage.end();
    Ok(ExitCode::SUCCESS)
}

/// A window that is asked to close before it is killed.
struct Closing(waystation_tests::children::Child);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.stop(Signal::Terminate, CLOSE_TIME_MAX);
    }
}

fn remove(folder: &Path) -> Outcome<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", folder.display()).into()),
        _ => Ok(()),
    }
}

/// Ctrl+C, or a system that shuts down.
#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    if let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} _ = hangup.recv() => {} }
    } else {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
