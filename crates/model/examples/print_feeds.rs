//! Prints the generated feed triggers.

fn main() {
    print!("{}", waystation_model::sql::feed_triggers());
}
