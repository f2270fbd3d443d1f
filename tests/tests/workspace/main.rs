//! Rules of the whole workspace: its rooms, its harness, its robustness against arbitrary bytes.

mod fuzz;
mod harness;
mod rooms;
