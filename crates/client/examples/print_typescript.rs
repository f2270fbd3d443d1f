//! Prints the TypeScript of everything that crosses to the window.

fn main() {
    print!("{}", waystation_client::typescript::typescript());
}
