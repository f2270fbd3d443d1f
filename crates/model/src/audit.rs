//! The SQL that says what the feeds ought to hold, straight from the tables. An audit compares; nothing else reads it.

use crate::registry::all;
use crate::sql::{digest_expression, lives, scope_text};

/// Every row in every scope where its own columns place it: `scope`, `entity`, `row_id`, `hash`, `digest`.
pub fn live_rows() -> String {
    let selects: Vec<String> = all()
        .iter()
        .flat_map(|entity| {
            entity.scopes.iter().map(|rule| {
                format!(
                    "SELECT {scope} AS scope, {code}::smallint AS entity, r.id AS row_id, feed_hash('{name}', r.id, r.stamp) AS hash, {digest} AS digest FROM {name} r WHERE {lives}",
                    scope = scope_text(rule, "r"),
                    code = entity.code,
                    name = entity.name,
                    digest = digest_expression(entity, "r"),
                    lives = lives(rule, "r")
                )
            })
        })
        .collect();
    // UNION and not UNION ALL: two rules may place a row in the same scope.
    selects.join("\nUNION\n")
}

/// Every row of every synced table, wherever it lives: `entity`, `row_id`.
pub fn every_row() -> String {
    let selects: Vec<String> =
        all().iter().map(|entity| format!("SELECT {}::smallint AS entity, r.id AS row_id FROM {} r", entity.code, entity.name)).collect();
    selects.join("\nUNION ALL\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_audited_once_for_each_rule_that_places_it() {
        let rules: usize = all().iter().map(|entity| entity.scopes.len()).sum();
        assert_eq!(live_rows().matches("feed_hash(").count(), rules);
        assert_eq!(every_row().matches("AS row_id").count(), all().len());
    }
}
