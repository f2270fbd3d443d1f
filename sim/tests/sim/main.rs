//! Tests of the simulator: seeds that once failed, new seeds, and injected faults.

mod chained;
mod faults;
mod order;
mod seeds;
