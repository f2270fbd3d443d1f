//! `cargo xtask storm`: kills processes while they work, and compares what they acknowledged with what is stored.

use clap::{Parser, Subcommand};
use waystation_tests::cluster::Cluster;
use waystation_tests::storm::{self, laptop};
use waystation_tests::{Outcome, paths};

/// Kills servers, laptops and PostgreSQL while they work. Run by itself, it starts the laptops as processes of its own.
#[derive(Parser)]
struct Arguments {
    /// Processes to kill.
    #[arg(long, default_value_t = 300)]
    kills: usize,
    /// The seed of the sequence of kills and pauses.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// One laptop.
    Laptop(laptop::Arguments),
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if let Some(Part::Laptop(laptop)) = arguments.part {
        return laptop::run(laptop).await;
    }
    let mut cluster = Cluster::kept("storm/cluster").await?;
    let folder = paths::folder("storm/stations")?;
    std::fs::remove_dir_all(&folder)?;
    let outcome = storm::run(&mut cluster, &folder, arguments.kills, arguments.seed).await;
    cluster.stop();
    let storm = outcome?;
    println!(
        "storm: {} kills ({} servers, {} laptops, {} PostgreSQL), {} cuts, {} edits acknowledged, none lost, none twice, {} files whole",
        storm.kills(),
        storm.servers,
        storm.laptops,
        storm.databases,
        storm.cuts,
        storm.edits,
        storm.files
    );
    Ok(())
}
