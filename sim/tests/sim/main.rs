//! The simulator: what it found stays found, and it finds what is planted.

mod chained;
mod faults;
mod order;
mod seeds;
