//! The app without a window: one person's encrypted database on one laptop, the outbox of their changes, sync with the
//! server, downloads, and the commands that a window calls.
//!
//! It must not depend on a window or a screen. Clock, randomness, network and disk come in from outside, so that a test can
//! run many laptops in one process.

pub mod app;
pub mod commands;
pub mod environment;
pub mod error;
mod facts;
mod files;
pub mod keys;
pub mod media;
pub mod people;
pub mod records;
mod screens;
pub mod store;
pub mod sync;
pub mod typescript;
mod unlocked;
pub mod view_models;
