//! The harness of Waystation's tests: a private PostgreSQL cluster, real servers, real laptops and real windows.
//!
//! It may depend on everything in the workspace; nothing depends on it, apart from the fuzz targets. It ends every process that it started,
//! also when a test fails or the test program is killed.
//!
//! ```no_run
//! # async fn example() -> waystation_tests::Outcome<()> {
//! let cluster = waystation_tests::cluster::Cluster::shared().await?;
//! let database = cluster.database().await?;
//! println!("an empty, migrated database: {}", database.url());
//! # Ok(()) }
//! ```

pub mod caller;
pub mod children;
pub mod cluster;
pub mod conversation;
pub mod crowd;
pub mod desk;
pub mod failover;
pub mod forgetful;
pub mod fuzz;
pub mod journey;
pub mod laptop;
pub mod lossy;
pub mod paths;
pub mod pooler;
pub mod program;
pub mod school;
pub mod screen;
pub mod server;
pub mod store;
pub mod storm;
pub mod user;
pub mod virtual_address;
pub mod wait;
pub mod window;

/// The result of a step of the harness. The error message names what failed and where, because a person has to act on it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
