//! PostgreSQL's row-level security: which rows of which tables a request of an organization may meet. The policies and the rights of
//! the role are SQL text generated from the registry and from the list of the server's own tables. This module does not execute it.
//!
//! The conditions in the server's queries remain. The policies see to it that a forgotten one shows nothing of another organization.

use std::fmt::Write;

use crate::registry::{Entity, Kind, all};

/// The role under which requests of a signed-in person run. It owns nothing, so the policies always apply to it.
pub const BOUND_ROLE: &str = "waystation_bound";
/// The setting of a transaction that names its organization. Without it, no row is there.
pub const ORGANIZATION_SETTING: &str = "waystation.organization";
/// The name of every table's policy.
pub const POLICY: &str = "of_organization";

/// How a row of a table tells to which organization it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenancy {
    /// By its column `organization_id`.
    Column,
    /// It belongs to the organization of the row in `parent` whose id is in `column`.
    Through {
        /// The column.
        column: &'static str,
        /// The table that the column references.
        parent: &'static str,
    },
    /// To none, for this reason. The table has no policy.
    Shared(&'static str),
}

/// A table that only the server has: no laptop receives its rows, so the registry does not know it.
#[derive(Debug, Clone, Copy)]
pub struct ServerTable {
    /// Its name.
    pub name: &'static str,
    /// To which organization its rows belong.
    pub tenancy: Tenancy,
    /// What requests do with its rows, as SQL writes it; empty: nothing.
    pub rights: &'static str,
}

const fn table(name: &'static str, tenancy: Tenancy, rights: &'static str) -> ServerTable {
    ServerTable { name, tenancy, rights }
}

const fn through(column: &'static str, parent: &'static str) -> Tenancy {
    Tenancy::Through { column, parent }
}

/// The tables that only the server has.
pub const SERVER_TABLES: &[ServerTable] = &[
    table("_sqlx_migrations", Tenancy::Shared("about the schema"), ""),
    table("audit_logs", Tenancy::Column, "SELECT"),
    table("database_runs", Tenancy::Shared("about the database as a whole"), ""),
    table("device_pushes", through("device_id", "devices"), "SELECT, INSERT, DELETE"),
    table("device_states", through("device_id", "devices"), "SELECT, INSERT, UPDATE"),
    table("epoch", Tenancy::Shared("about the database as a whole"), "SELECT"),
    table("feed", Tenancy::Shared("ids and versions without values, found by the ids of scopes that the person subscribes to"), "SELECT"),
    table("feed_drain", Tenancy::Shared("a mark of a transaction that is not committed yet"), ""),
    table("feed_entities", Tenancy::Shared("about the schema"), ""),
    table("feed_generated", Tenancy::Shared("about the schema"), ""),
    table("feed_marks", Tenancy::Shared("versions of feeds by day"), ""),
    table("former_rights", through("user_id", "users"), "SELECT, INSERT, UPDATE, DELETE"),
    table("idempotency_keys", through("token_id", "personal_tokens"), "SELECT, INSERT, UPDATE"),
    table("invitations", Tenancy::Column, "SELECT, INSERT, UPDATE"),
    table("known_rights", through("user_id", "users"), "SELECT, INSERT, UPDATE"),
    table("left_refresh_tokens", through("session_id", "user_sessions"), ""),
    table("lost_lives", Tenancy::Shared("about the database as a whole"), "SELECT"),
    table("offered_row_seconders", through("user_id", "users"), "SELECT, INSERT"),
    table("personal_tokens", Tenancy::Column, "SELECT, INSERT"),
    table("receipt_counters", Tenancy::Column, "SELECT, INSERT, UPDATE"),
    table("scope_heads", Tenancy::Shared("versions and checksums without values, found by the names of scopes"), "SELECT"),
    table("sign_in_names", through("user_id", "users"), ""),
    table("user_sessions", through("user_id", "users"), "SELECT, INSERT, UPDATE"),
];

/// Views that requests read. Each runs with the rights of its caller, so the policies of its tables apply. The registry knows tables
/// and no views, so they are named here; a test compares the list with PostgreSQL's catalogue.
pub const VIEWS: &[&str] = &["coding_progress", "course_progress", "module_progress", "organization_seats"];

/// Every table with its tenancy: those of the registry, which all have the column, and the server's own.
pub fn tenancies() -> impl Iterator<Item = (&'static str, Tenancy)> {
    let synced = all().iter().map(|entity| (entity.name, Tenancy::Column));
    synced.chain(SERVER_TABLES.iter().map(|table| (table.name, table.tenancy)))
}

/// The condition of a table's policy; none for a table without one. The setting is read once for a statement and not for each row.
pub fn condition(name: &str, tenancy: Tenancy) -> Option<String> {
    match tenancy {
        Tenancy::Column => Some(format!("organization_id = (SELECT nullif(current_setting('{ORGANIZATION_SETTING}', true), '')::uuid)")),
        // The parent's own policy compares the organization.
        Tenancy::Through { column, parent } => Some(format!("EXISTS (SELECT FROM {parent} p WHERE p.id = {name}.{column})")),
        Tenancy::Shared(_) => None,
    }
}

/// The policies of all tables, and a function that looks for a text over all organizations where a key is unique over all of them.
///
/// `sync-server migrate` runs this text after the triggers whenever it has changed.
pub fn policies() -> String {
    let mut sql = String::from(
        "-- Generated from the entity registry by `cargo xtask generate`. Do not edit.\n\
         -- Run after the migrations and the triggers: it replaces what an older registry left.\n\n",
    );
    for (name, tenancy) in tenancies() {
        let _ = match condition(name, tenancy) {
            Some(condition) => write!(
                sql,
                "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;\n\
                 DROP POLICY IF EXISTS {POLICY} ON {name};\n\
                 CREATE POLICY {POLICY} ON {name} USING ({condition});\n"
            ),
            None => write!(sql, "DROP POLICY IF EXISTS {POLICY} ON {name};\nALTER TABLE {name} DISABLE ROW LEVEL SECURITY;\n"),
        };
    }
    taken_anywhere(&mut sql);
    sql
}

/// The text columns of a table that are unique over all organizations.
fn unique_everywhere(entity: &Entity) -> impl Iterator<Item = &'static str> + '_ {
    let keys = entity.constraints.unique.iter().filter(|unique| !unique.within_organization);
    let named = keys.filter_map(|unique| unique.columns.last().copied());
    named.filter(|name| entity.column(name).is_some_and(|column| column.kind == Kind::Text))
}

/// A suggestion for a user name has to be free in other organizations too, whose rows the role does not see. So this answers for
/// such columns alone whether a text is taken, which an attempt to take it answers as well.
fn taken_anywhere(sql: &mut String) {
    sql.push_str(
        "\nCREATE OR REPLACE FUNCTION taken_anywhere(of_table text, of_column text, given text) RETURNS boolean\n\
         LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$\n\
         BEGIN\n    CASE of_table || '.' || of_column\n",
    );
    for entity in all() {
        let name = entity.name;
        for column in unique_everywhere(entity) {
            let _ = writeln!(
                sql,
                "        WHEN '{name}.{column}' THEN RETURN EXISTS (SELECT FROM {name} r WHERE lower(r.{column}) = lower(given));"
            );
        }
    }
    sql.push_str("    END CASE;\nEND $$;\n");
}

/// What the role may do. `sync-server migrate` runs this text every time: a restored backup has no rights in it.
pub fn grants() -> String {
    let synced: Vec<&str> = all().iter().map(|entity| entity.name).collect();
    let mut sql = format!(
        "GRANT USAGE ON SCHEMA public TO {BOUND_ROLE};\n\
         GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {BOUND_ROLE};\n\
         GRANT SELECT ON {} TO {BOUND_ROLE};\n\
         GRANT SELECT, USAGE ON SEQUENCE stamp_seq TO {BOUND_ROLE};\n",
        synced.join(", "),
        VIEWS.join(", ")
    );
    for ServerTable { name, rights, .. } in SERVER_TABLES.iter().filter(|table| !table.rights.is_empty()) {
        let _ = writeln!(sql, "GRANT {rights} ON {name} TO {BOUND_ROLE};");
    }
    for function in ["ids_elsewhere(text, uuid[])", "taken_anywhere(text, text, text)"] {
        let _ = writeln!(sql, "REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC;\nGRANT EXECUTE ON FUNCTION {function} TO {BOUND_ROLE};");
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_that_another_one_follows_has_a_policy_itself() {
        for (name, tenancy) in tenancies() {
            let Tenancy::Through { parent, .. } = tenancy else { continue };
            let of_parent = tenancies().find(|(name, _)| *name == parent).map(|(_, tenancy)| tenancy);
            assert!(of_parent.is_some_and(|tenancy| condition(parent, tenancy).is_some()), "{name}");
        }
    }

    #[test]
    fn no_table_is_named_twice() {
        let mut names: Vec<&str> = tenancies().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
