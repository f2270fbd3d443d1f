//! The client without a window: keys, database, queries of the screens, media, sync.
#![allow(clippy::unwrap_used)]

mod keys;
mod media;
mod migrations;
mod screens;
mod store;
mod support;
mod sync;
mod went_back;
mod went_back_online;
