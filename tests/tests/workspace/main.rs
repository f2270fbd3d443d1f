//! What holds for the whole workspace: its rooms, its harness, its hardening against any bytes.

mod fuzz;
mod harness;
mod rooms;
