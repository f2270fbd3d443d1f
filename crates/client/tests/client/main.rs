//! The client without a window: keys, database, queries of the screens, media, sync.
#![allow(clippy::unwrap_used)]

mod follows;
mod imports;
mod imports_cut;
mod keys;
mod learning;
mod media;
mod migrations;
mod records;
mod restored;
mod restored_online;
mod rules;
mod screens;
mod store;
mod support;
mod sync;
