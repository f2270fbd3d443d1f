//! Migrations are embedded; a new file must rebuild the crate that embeds them.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/client");
}
