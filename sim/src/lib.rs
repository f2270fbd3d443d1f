//! Many laptops and a server in one thread, with everything going wrong that can, from one seed.
//!
//! The laptops are the real client core on real SQLite files; the server's rules are the real ones over tables in memory.
//! Time, randomness, the network and the disk come from the seed, so a seed that fails fails again.

pub mod authority;
mod deeds;
pub mod disk;
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
