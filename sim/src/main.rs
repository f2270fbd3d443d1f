//! `cargo xtask sim --seeds N [--from S] [--clients C] [--steps K]`: runs seeds and prints those that fail.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use waystation_sim::faults::{Fault, Faults};
use waystation_sim::run::{Failed, Size, run, shrink, story};
use waystation_sim::world::Tally;

/// Failing seeds that are shrunk and printed; the others are only counted.
const SHRUNK_MAX: usize = 3;

#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Laptops.
    #[arg(long, default_value_t = Size::default().clients)]
    clients: usize,
    /// Steps of each history.
    #[arg(long, default_value_t = Size::default().steps)]
    steps: usize,
    /// Threads; they take the seeds in turn.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, std::num::NonZero::get))]
    threads: usize,
    /// Prints the full trace of each shrunk history.
    #[arg(long)]
    story: bool,
    /// Also prints how often each kind of event happened.
    #[arg(long)]
    tally: bool,
    /// A fault to plant, by its name.
    #[arg(long)]
    fault: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let size = Size { clients: arguments.clients.max(1), steps: arguments.steps };
    let faults = match &arguments.fault {
        None => Faults::default(),
        Some(name) => match Fault::ALL.iter().find(|fault| format!("{fault:?}") == *name) {
            Some(fault) => Faults::only(*fault),
            None => {
                eprintln!("no fault is called {name}; there are {:?}", Fault::ALL);
                return ExitCode::FAILURE;
            }
        },
    };
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let failures: Mutex<Vec<Failed>> = Mutex::default();
    let tally: Mutex<Tally> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.from.saturating_add(arguments.seeds) {
                        return;
                    }
                    match run(seed, &size, &faults) {
                        Ok(counts) => {
                            let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                            for (what, count) in counts {
                                *tally.entry(what).or_default() += count;
                            }
                        }
                        Err(failed) => {
                            println!("seed {seed}: {}", failed.finding);
                            failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(failed);
                        }
                    }
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failures.sort_by_key(|failed| failed.seed);
    for failed in failures.iter().take(SHRUNK_MAX) {
        let (steps, finding) = shrink(failed.seed, &size, &faults);
        println!("\nseed {} in {} steps: {}", failed.seed, steps.len(), finding.map(|finding| finding.0).unwrap_or_default());
        let told: Vec<String> = if arguments.story {
            story(failed.seed, &size, &faults, &steps)
        } else {
            steps.iter().map(|step| format!("{:?} laptop {} pick {}", step.act, step.laptop, step.pick)).collect()
        };
        for line in told {
            println!("  {line}");
        }
    }
    if arguments.tally {
        for (what, count) in tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            println!("{count:>10} {what}");
        }
    }
    let rate = arguments.seeds as f64 * arguments.steps as f64 / seconds;
    println!("sim: {} seeds, {} failed, {rate:.0} steps/s", arguments.seeds, failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
