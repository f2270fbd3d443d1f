//! Rebuilds when a migration is added: the macro that embeds migrations reads the folder only at compile time.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/server");
}
