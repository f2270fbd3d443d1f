//! Prints the feed triggers, as `migrations/server/generated/feeds.sql` keeps them for reading.

fn main() {
    print!("{}", waystation_model::sql::feed_triggers());
}
