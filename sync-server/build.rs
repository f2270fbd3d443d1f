//! A new migration is a new file, and the macro that embeds them looks only when it is compiled.

fn main() {
    println!("cargo:rerun-if-changed=../migrations/server");
}
