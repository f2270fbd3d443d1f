//! Files of courses on this laptop: stored by content, shared by all people who use it.

pub mod downloads;
pub mod fetch;
mod folder;
mod list;
pub mod server;
pub mod wanted;

pub use folder::MediaFolder;
