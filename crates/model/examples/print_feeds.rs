//! Prints the feed triggers: the content of `migrations/server/generated/feeds.sql`.

fn main() {
    print!("{}", waystation_model::sql::feed_triggers());
}
