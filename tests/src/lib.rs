//! The harness of Waystation's tests: a private PostgreSQL cluster, real servers, real laptops and real windows.
//!
//! It may know everything in the workspace; nothing knows it. Whatever it starts, it ends by its own id, also when a
//! test fails or the whole process is killed.
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
pub mod fuzz;
pub mod journey;
pub mod laptop;
pub mod lossy;
pub mod patience;
pub mod places;
pub mod pooler;
pub mod school;
pub mod screen;
pub mod server;
pub mod store;
pub mod storm;
pub mod user;
pub mod virtual_address;
pub mod window;

/// What a step of the harness ends with. Whoever reads the message has to mend something: it says what and where.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
