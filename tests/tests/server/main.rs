//! The server against a real PostgreSQL, asked over HTTP as any client asks it. One program: it links once and shares one cluster.

mod accounts;
mod backup;
mod conflicts;
mod content;
mod cursors;
mod cut_off;
mod description;
mod examples;
mod feeds;
mod grading;
mod held;
mod life;
mod limits;
mod offers;
mod pull;
mod push;
mod refusals;
mod rights;
mod schema;
mod slices;
mod strangers;
mod vectors;
mod verify;
mod withheld;
