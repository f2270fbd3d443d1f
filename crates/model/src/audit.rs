//! SQL that computes from the tables what the feeds should contain. `sync-server verify` compares the two.

use crate::registry::all;
use crate::sql::{digest_expression, in_scope, scope_text};

/// Selects every row once per scope that contains it: `scope`, `entity`, `row_id`, `hash`, `digest`.
pub fn live_rows() -> String {
    let selects: Vec<String> = all()
        .iter()
        .flat_map(|entity| {
            entity.scopes.iter().map(|rule| {
                format!(
                    "SELECT {scope} AS scope, {code}::smallint AS entity, r.id AS row_id, feed_hash('{name}', r.id, r.stamp) AS hash, {digest} AS digest FROM {name} r WHERE {in_scope}",
                    scope = scope_text(rule, "r"),
                    code = entity.code,
                    name = entity.name,
                    digest = digest_expression(entity, "r"),
                    in_scope = in_scope(rule, "r")
                )
            })
        })
        .collect();
    // UNION and not UNION ALL: two rules may put a row into the same scope.
    selects.join("\nUNION\n")
}

/// Selects every row of every synced table, also one in no scope: `entity`, `row_id`.
pub fn every_row() -> String {
    let selects: Vec<String> =
        all().iter().map(|entity| format!("SELECT {}::smallint AS entity, r.id AS row_id FROM {} r", entity.code, entity.name)).collect();
    selects.join("\nUNION ALL\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_audited_once_for_each_scope_rule() {
        let rules: usize = all().iter().map(|entity| entity.scopes.len()).sum();
        assert_eq!(live_rows().matches("feed_hash(").count(), rules);
        assert_eq!(every_row().matches("AS row_id").count(), all().len());
    }
}
