//! Laptops against a real server: together, held up, damaged, and of an older version.

mod damage;
mod failover;
mod held;
mod offers;
mod together;
mod versions;
