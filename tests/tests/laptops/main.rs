//! Laptops against a real server: several at once, damaged, held up, and of older versions.

mod accounts;
mod damage;
mod domain;
mod failover;
mod follows;
mod held;
mod imports;
mod offers;
mod together;
mod versions;
