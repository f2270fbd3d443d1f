//! A deterministic simulator: many laptops and a server in one thread, with injected failures, all from one seed.
//!
//! The laptops run the real client core on real SQLite files. The server runs its real rules over tables in memory. Time,
//! randomness, the network and the disk are derived from the seed, so a failing seed fails every time.

pub mod any_table;
pub mod authority;
mod commands;
pub mod disk;
mod edits;
pub mod entered;
pub mod faults;
pub mod laptop;
mod lost;
pub mod random;
pub mod run;
pub mod school;
pub mod server;
mod settle;
pub mod steps;
pub mod twin;
pub mod world;
