//! `cargo xtask bench`: every figure with a floor measured in the same run, one JSON line each.

mod delta_growth;
mod edit;
mod first_sync;
mod floor;
mod hot_scope;
mod idle_pull;
mod import;
mod laptop;
mod many_scopes;
mod page_apply;
mod poke;
mod push;
mod raw;
mod report;
mod signin_flood;
mod standby;

use clap::Parser;
use waystation_tests::Outcome;
use waystation_tests::cluster::Cluster;

/// Measures Waystation. Run it from a release build, on an idle machine.
#[derive(Parser)]
struct Arguments {
    /// Only these figures.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Alternating pairs per figure; the median counts.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Scales the numbers of rows down, for a quick look.
    #[arg(long, default_value_t = 1)]
    divide_by: usize,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if cfg!(debug_assertions) {
        eprintln!("bench: this is a debug build; its figures mean nothing");
    }
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let cluster = Cluster::kept("bench/cluster").await?;
    let rows = 100_000 / arguments.divide_by.max(1);
    if wanted("push") {
        push::measure(&cluster, rows, arguments.pairs).await?;
    }
    if wanted("first_sync") {
        first_sync::measure(&cluster, rows, arguments.pairs).await?;
    }
    if wanted("edit") {
        edit::measure(&cluster, arguments.pairs).await?;
    }
    if wanted("import") {
        import::measure(&cluster, rows / 10, arguments.pairs).await?;
    }
    if wanted("idle_pull") {
        idle_pull::measure(&cluster, arguments.pairs).await?;
    }
    if wanted("many_scopes") {
        many_scopes::measure(&cluster, arguments.pairs).await?;
    }
    for way in [poke::Way::OneServer, poke::Way::TwoServers, poke::Way::Sql] {
        if wanted(way.name()) {
            poke::measure(&cluster, way, 400 / arguments.divide_by.max(1)).await?;
        }
    }
    if wanted("poke_growth") {
        poke::measure_growth(&cluster, rows * 10, 200 / arguments.divide_by.max(1)).await?;
    }
    if wanted("hot_scope") {
        hot_scope::measure(&cluster, arguments.pairs).await?;
    }
    if wanted("delta_growth") {
        delta_growth::measure(&cluster, rows * 10, arguments.pairs).await?;
    }
    if wanted("commit") {
        standby::measure(8_000 / arguments.divide_by.max(1), arguments.pairs).await?;
    }
    if wanted("page_apply") {
        page_apply::measure(rows * 10, arguments.pairs)?;
    }
    if wanted("signin_flood") {
        signin_flood::measure(&cluster).await?;
    }
    cluster.stop();
    Ok(())
}
