//! Prints the policies of row-level security: the content of `migrations/server/generated/row_security.sql`.

fn main() {
    print!("{}", waystation_model::row_security::policies());
}
