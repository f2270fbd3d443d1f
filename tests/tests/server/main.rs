//! The server against a real PostgreSQL, asked over HTTP as any client asks it. One program: it links once and shares one cluster.

mod accounts;
mod backup;
mod conflicts;
mod content;
mod cursors;
mod description;
mod examples;
mod feeds;
mod foreign;
mod grading;
mod guessing;
mod held;
mod life;
mod limits;
mod offers;
mod pull;
mod push;
mod refusals;
mod rights;
mod schema;
mod sessions;
mod slices;
mod vectors;
mod verify;
