//! The server against a real PostgreSQL, asked over HTTP as any client asks it. One program: it links once and shares one cluster.

mod accounts;
mod attribution;
mod backup;
mod conflicts;
mod content;
mod cursors;
mod description;
mod examples;
mod failover;
mod feeds;
mod grading;
mod held;
mod life;
mod limits;
mod numbers;
mod offers;
mod pooler;
mod pull;
mod push;
mod refusals;
mod rights;
mod rights_moved;
mod schema;
mod slices;
mod vectors;
mod verify;
