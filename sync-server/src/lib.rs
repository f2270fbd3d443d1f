//! The sync-server: reconciles what laptops did into one authoritative PostgreSQL schema, through versioned change feeds. It does
//! not depend on how a laptop stores or shows anything.
//!
//! It keeps no state that it cannot rebuild, so any number of instances can run over one database.
//!
//! ```no_run
//! # async fn example(settings: sync_server::settings::Settings) -> Result<(), Box<dyn std::error::Error>> {
//! let server = sync_server::Server::start(settings).await?;
//! println!("listening on {}", server.address());
//! server.stop().await;
//! # Ok(()) }
//! ```

pub mod access;
pub mod accounts;
pub mod authority;
pub mod awards;
pub mod backup;
pub mod body;
pub mod bound_role;
pub mod connections;
pub mod content;
pub mod cursor_cache;
pub mod database;
pub mod demo;
pub mod epoch;
pub mod failure;
pub mod heads;
mod history;
mod instances;
mod live;
pub mod openapi;
pub mod organizations;
pub mod protocols;
pub mod pull;
pub mod push;
pub mod records;
mod routes;
mod school;
mod server;
pub mod sessions;
pub mod settings;
pub mod settle;
pub mod slices;
pub mod state;
pub mod tenant;
pub mod tenant_queues;
pub mod tombstones;
pub mod uninterrupted;
mod unread;
pub mod verify;
pub mod witness;

pub use server::Server;
