//! SQL text generated from the registry. This module does not execute it.

use std::fmt::Write;

use crate::ids::DERIVED_ID_NAMESPACE;
use crate::limits::ROW_WRITTEN_BYTES_MAX;
use crate::registry::{AccessRule, Column, Entity, IdRule, Kind, Merge, ScopeRule, TIMESTAMP_MS_MAX, When, all};

/// The triggers of every registered table. They keep ids, stamps, edits and feeds correct for every writer, plain SQL included.
///
/// `sync-server migrate` runs this text after the migrations whenever it has changed.
pub fn feed_triggers() -> String {
    let mut sql = String::from(
        "-- Generated from the entity registry by `cargo xtask generate`. Do not edit.\n\
         -- Run after the migrations: it replaces what an older registry left.\n\n\
         INSERT INTO feed_entities (code, name) VALUES\n",
    );
    let names: Vec<String> = all().iter().map(|entity| format!("    ({}, '{}')", entity.code, entity.name)).collect();
    sql.push_str(&names.join(",\n"));
    sql.push_str("\nON CONFLICT (code) DO UPDATE SET name = excluded.name;\n");
    for entity in all() {
        table_triggers(&mut sql, entity);
    }
    sql
}

fn table_triggers(sql: &mut String, entity: &Entity) {
    let name = entity.name;
    let mut body = String::new();
    if let IdRule::Derived(keys) = entity.id {
        let parts: Vec<String> = keys.iter().map(|key| format!("coalesce(NEW.{key}::text, '-')")).collect();
        let text = parts.join(" || ':' || ");
        let _ = writeln!(body, "        NEW.id := uuid_generate_v5('{DERIVED_ID_NAMESPACE}', '{name}:' || {text});");
    }
    let keys: Vec<&str> = entity.columns.iter().filter(|column| column.merge == Merge::Key).map(|column| column.name).collect();
    let keys_kept = if keys.is_empty() {
        String::new()
    } else {
        let new: Vec<String> = keys.iter().map(|key| format!("NEW.{key}")).collect();
        let old: Vec<String> = keys.iter().map(|key| format!("OLD.{key}")).collect();
        format!(
            "        IF ({}) IS DISTINCT FROM ({}) THEN\n            RAISE EXCEPTION 'a key column of {name} never changes' USING ERRCODE = 'WS001';\n        END IF;\n",
            new.join(", "),
            old.join(", ")
        )
    };
    let tracked = tracked_edits(entity);
    let as_sent = times_as_sent(entity);
    let _ = write!(
        sql,
        r#"
CREATE OR REPLACE FUNCTION before_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{as_sent}    IF TG_OP = 'INSERT' THEN
{body}        NEW.created_at := coalesce(NEW.created_at, now());
        -- A row from another program comes with the time of its last change.
        NEW.updated_at := least(coalesce(NEW.updated_at, now()), now());
    ELSE
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
{keys_kept}        NEW.id := OLD.id;
        NEW.organization_id := OLD.organization_id;
        NEW.created_at := OLD.created_at;
        NEW.updated_at := now();
    END IF;
    NEW.stamp := nextval('stamp_seq');
{tracked}    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER a_before BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION before_{name}();

CREATE OR REPLACE TRIGGER a_epoch BEFORE INSERT OR UPDATE OR DELETE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION epoch_before_write();

CREATE OR REPLACE FUNCTION feed_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- INSERT … ON CONFLICT DO UPDATE fires for both, also when it did only one of them.
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
{insert}    ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
{delete}    ELSE
        IF NOT EXISTS (SELECT FROM new_rows) THEN
            RETURN NULL;
        END IF;
        PERFORM feed_open();
{update}    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER feed_insert AFTER INSERT ON {name} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_{name}();
CREATE OR REPLACE TRIGGER feed_update AFTER UPDATE ON {name} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_{name}();
CREATE OR REPLACE TRIGGER feed_delete AFTER DELETE ON {name} REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_{name}();
CREATE OR REPLACE TRIGGER feed_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION feed_refuse_truncate();
"#,
        insert = queue(entity, Event::Insert),
        delete = queue(entity, Event::Delete),
        update = queue(entity, Event::Update),
    );
    audit_triggers(sql, entity);
    if !entity.scopes.is_empty() {
        recompute_digests(sql, entity);
    }
}

/// The triggers that write a table's changes to the audit log, or the end of those that an older registry had.
fn audit_triggers(sql: &mut String, entity: &Entity) {
    let name = entity.name;
    for (event, tables) in [
        ("insert", "NEW TABLE AS new_rows"),
        ("update", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("delete", "OLD TABLE AS old_rows"),
    ] {
        let line = if entity.record.unaudited.is_some() {
            format!("DROP TRIGGER IF EXISTS audit_{event} ON {name};")
        } else {
            let when = event.to_uppercase();
            format!(
                "CREATE OR REPLACE TRIGGER audit_{event} AFTER {when} ON {name} REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION audit_statement();"
            )
        };
        let _ = writeln!(sql, "{line}");
    }
}

/// The columns that are part of the digest in a row's feed entry.
fn digested_columns(entity: &Entity) -> Vec<&'static str> {
    let mut columns = vec!["id", "organization_id", "created_at", "updated_at", "stamp"];
    columns.extend(entity.columns.iter().map(|column| column.name));
    if !entity.tracked_groups().is_empty() {
        columns.push("edits");
    }
    columns
}

/// A PostgreSQL expression for the digest of a row's values. `sync-server verify` compares it with the digest that the
/// triggers stored, to find rows that were changed without them. It never leaves the database.
pub(crate) fn digest_expression(entity: &Entity, row: &str) -> String {
    let values: Vec<String> = digested_columns(entity).iter().map(|column| format!("{row}.{column}")).collect();
    format!("hash_record_extended(ROW({}), 0)", values.join(", "))
}

/// Recomputes the digests of a table when the list of their columns has changed.
fn recompute_digests(sql: &mut String, entity: &Entity) {
    let (name, code, columns) = (entity.name, entity.code, digested_columns(entity).join(" "));
    let _ = write!(
        sql,
        r#"DO $$
BEGIN
    IF (SELECT e.digested FROM feed_entities e WHERE e.code = {code}) IS DISTINCT FROM '{columns}' THEN
        UPDATE feed f SET digest = {digest} FROM {name} r WHERE f.entity = {code} AND f.row_id = r.id AND f.state = 0;
        UPDATE feed_entities e SET digested = '{columns}' WHERE e.code = {code};
    END IF;
END $$;
"#,
        digest = digest_expression(entity, "r"),
    );
}

/// A time as the wire carries it: whole milliseconds, or whole minutes.
fn time_as_sent(row: &str, column: &Column) -> String {
    match column.kind {
        Kind::Timestamp => format!("date_trunc('milliseconds', {row}.{} + interval '500 microseconds')", column.name),
        Kind::Time => format!("date_trunc('minute', {row}.{}::interval)::time", column.name),
        _ => format!("{row}.{}", column.name),
    }
}

/// Rounds times to the precision of the wire when they are stored. Otherwise a time that plain SQL wrote more precisely would
/// come back from a push as a different value and count as a change. A push that repeats the rounded time leaves a more
/// precise stored value as it is.
fn times_as_sent(entity: &Entity) -> String {
    let mut sql = String::new();
    for column in entity.columns.iter().filter(|column| matches!(column.kind, Kind::Timestamp | Kind::Time)) {
        let (name, new, old) = (column.name, time_as_sent("NEW", column), time_as_sent("OLD", column));
        let _ = writeln!(sql, "    NEW.{name} := CASE WHEN TG_OP = 'UPDATE' AND {new} = {old} THEN OLD.{name} ELSE {new} END;");
    }
    sql
}

/// The part of the row trigger that records who changed a tracked group and when. A push writes whole rows, and its INSERT
/// fires this trigger also when the row exists: an edit that has a stamp already is not new. A new row may set a group to
/// null explicitly: then the group has an edit and no value.
fn tracked_edits(entity: &Entity) -> String {
    let mut sql = String::new();
    for group in entity.tracked_groups() {
        let columns: Vec<&Column> = entity.group_columns(group).map(|(_, column)| column).collect();
        let new = columns.iter().map(|column| format!("NEW.{}", column.name)).collect::<Vec<_>>().join(", ");
        let old = columns.iter().map(|column| format!("OLD.{}", column.name)).collect::<Vec<_>>().join(", ");
        let any_set = columns.iter().map(|column| format!("NEW.{} IS NOT NULL", column.name)).collect::<Vec<_>>().join(" OR ");
        let _ = write!(
            sql,
            "    IF TG_OP = 'INSERT' THEN\n        IF ({any_set} OR NEW.edits ? '{group}') AND coalesce((NEW.edits #>> '{{{group},stamp}}')::bigint, 0) = 0 THEN\n            NEW.edits := feed_edit(NEW.edits, '{group}', NULL, NEW.stamp);\n        END IF;\n    \
             ELSIF ROW({new}) IS DISTINCT FROM ROW({old}) OR NEW.edits -> '{group}' IS DISTINCT FROM OLD.edits -> '{group}' THEN\n        \
             NEW.edits := feed_edit(NEW.edits, '{group}', OLD.edits -> '{group}', NEW.stamp);\n    END IF;\n",
        );
    }
    sql
}

#[derive(Clone, Copy)]
enum Event {
    Insert,
    Update,
    Delete,
}

/// The statement that queues `(scope, row)` for every scope that the event affects. A live row is hashed once, however many
/// scopes contain it.
fn queue(entity: &Entity, event: Event) -> String {
    let code = entity.code;
    let live = |rule: &ScopeRule| {
        format!(
            "SELECT {scope}, {code}::smallint, n.id, n.stamp, 0::smallint, n.hash, {is_new}, n.digest FROM n WHERE {in_scope}",
            scope = scope_text(rule, "n"),
            is_new = matches!(event, Event::Insert),
            in_scope = in_scope(rule, "n")
        )
    };
    let mut selects = Vec::new();
    for rule in entity.scopes {
        match event {
            Event::Insert => selects.push(live(rule)),
            Event::Delete => selects.push(format!(
                "SELECT {scope}, {code}::smallint, o.id, o.stamp, 2::smallint, 0::bigint, false, NULL::bigint FROM old_rows o WHERE {in_scope}",
                scope = scope_text(rule, "o"),
                in_scope = in_scope(rule, "o")
            )),
            Event::Update => {
                selects.push(live(rule));
                selects.push(format!(
                    "SELECT {old_scope}, {code}::smallint, n.id, n.stamp, 1::smallint, 0::bigint, false, NULL::bigint FROM n JOIN old_rows o ON o.id = n.id WHERE {old_in_scope} AND NOT ({new_in_scope} AND {old_scope} = {new_scope})",
                    old_scope = scope_text(rule, "o"),
                    old_in_scope = in_scope(rule, "o"),
                    new_in_scope = in_scope(rule, "n"),
                    new_scope = scope_text(rule, "n"),
                ));
            }
        }
    }
    for rule in entity.access {
        queue_access(&mut selects, rule, event);
    }
    if selects.is_empty() {
        return "        NULL;\n".to_owned();
    }
    let hashed = if matches!(event, Event::Delete) || entity.scopes.is_empty() { String::new() } else { hashed_rows(entity) };
    format!(
        "{hashed}        INSERT INTO pg_temp.feed_queue (scope, entity, row_id, stamp, state, hash, is_new, digest)\n        {};\n",
        selects.join("\n        UNION ALL\n        ")
    )
}

/// The common table expression `n`: the columns of each new row that the queue needs, and its hash and digest.
fn hashed_rows(entity: &Entity) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for rule in entity.scopes {
        columns.push(rule.column);
        columns.extend(rule.when.map(When::column));
    }
    columns.retain(|column| !matches!(*column, "id" | "stamp"));
    columns.sort_unstable();
    columns.dedup();
    let columns: String = columns.iter().map(|column| format!(", r.{column}")).collect();
    format!(
        "        WITH n AS MATERIALIZED (\n            SELECT r.id, r.stamp{columns}, feed_hash('{}', r.id, r.stamp) AS hash, {} AS digest FROM new_rows r\n        )\n",
        entity.name,
        digest_expression(entity, "r")
    )
}

/// Moves the `access` heads of the users whose subscription may change with the event. Such an entry has no row.
fn queue_access(selects: &mut Vec<String>, rule: &AccessRule, event: Event) {
    let (scope, condition) = match rule {
        AccessRule::User(column) => (format!("'access:' || r.{column}"), format!("r.{column} IS NOT NULL")),
        AccessRule::Administrators => ("'access_org:' || r.organization_id".to_owned(), "true".to_owned()),
        AccessRule::Everybody => ("'access_all:' || r.organization_id".to_owned(), "true".to_owned()),
        AccessRule::Through { table, link, when } => {
            if matches!(event, Event::Update) {
                selects.push(format!(
                    "SELECT DISTINCT 'access:' || t.user_id, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM new_rows n JOIN old_rows o ON o.id = n.id JOIN {table} t ON t.{link} = n.id WHERE n.{when} IS DISTINCT FROM o.{when}"
                ));
            }
            return;
        }
    };
    let rows: &[&str] = match event {
        Event::Insert => &["new_rows"],
        Event::Delete => &["old_rows"],
        Event::Update => &["old_rows", "new_rows"],
    };
    selects.extend(rows.iter().map(|rows| {
        format!("SELECT DISTINCT {scope}, 0::smallint, NULL::uuid, 0::bigint, 0::smallint, 0::bigint, true, NULL::bigint FROM {rows} r WHERE {condition}")
    }));
}

pub(crate) fn scope_text(rule: &ScopeRule, row: &str) -> String {
    format!("'{}:' || {row}.{}", rule.kind.word(), rule.column)
}

pub(crate) fn in_scope(rule: &ScopeRule, row: &str) -> String {
    let has_scope_id = format!("{row}.{} IS NOT NULL", rule.column);
    match rule.when {
        None => has_scope_id,
        Some(when) => format!("{has_scope_id} AND {}", condition(when, row)),
    }
}

fn condition(when: When, row: &str) -> String {
    match when {
        When::Equals(column, text) => format!("{row}.{column} IS NOT DISTINCT FROM '{text}'"),
        When::Differs(column, text) => format!("{row}.{column} IS DISTINCT FROM '{text}'"),
        When::True(column) => format!("{row}.{column} IS TRUE"),
        When::False(column) => format!("{row}.{column} IS NOT TRUE"),
        When::Null(column) => format!("{row}.{column} IS NULL"),
    }
}

/// A PostgreSQL expression that converts a stored column to its wire form.
pub fn wire_expression(row: &str, column: &str, kind: Kind) -> String {
    match kind {
        Kind::Timestamp => format!("(date_part('epoch', {row}.{column}) * 1000)::bigint"),
        Kind::Time => format!("to_char({row}.{column}, 'HH24:MI')"),
        Kind::Date => format!("to_char({row}.{column}, 'YYYY-MM-DD')"),
        _ => format!("{row}.{column}"),
    }
}

/// A PostgreSQL condition: every timestamp, date and number of a row has a wire form. PostgreSQL also stores `infinity`, years
/// past 9999 and `NaN`, which have none. Null has one.
pub fn has_wire_form(row: &str, entity: &Entity) -> String {
    let moments = ["created_at", "updated_at"].into_iter().map(|name| (name, Kind::Timestamp));
    let conditions: Vec<String> = moments
        .chain(entity.columns.iter().map(|column| (column.name, column.kind)))
        .filter_map(|(name, kind)| match kind {
            Kind::Timestamp => {
                let seconds = format!("{}.{:03}", TIMESTAMP_MS_MAX / 1000, TIMESTAMP_MS_MAX % 1000);
                Some(format!("{row}.{name} > '-infinity' AND {row}.{name} <= to_timestamp({seconds})"))
            }
            Kind::Date => Some(format!("{row}.{name} BETWEEN '0001-01-01' AND '9999-12-31'")),
            Kind::Float => Some(format!("{row}.{name} NOT IN ('NaN', 'Infinity', '-Infinity')")),
            _ => None,
        })
        .collect();
    format!("({}) IS NOT FALSE", conditions.join(" AND "))
}

/// Reads rows of one table as wire tuples: `row_id`, and `tuple` = JSON array of
/// `[id (unless derived), stamp, created_at, updated_at, columns…]`; null when the row has no wire form or is larger than
/// [`ROW_WRITTEN_BYTES_MAX`]. `$1`: `uuid[]`.
pub fn select_tuples(entity: &Entity) -> String {
    let mut parts = Vec::new();
    if entity.id == IdRule::Generated {
        parts.push("t.id".to_owned());
    }
    parts.push("t.stamp".to_owned());
    parts.push(wire_expression("t", "created_at", Kind::Timestamp));
    parts.push(wire_expression("t", "updated_at", Kind::Timestamp));
    parts.extend(entity.columns.iter().map(|column| wire_expression("t", column.name, column.kind)));
    // Without `OFFSET 0` PostgreSQL builds the tuple twice: once for its length and once for the result.
    format!(
        "SELECT w.row_id, CASE WHEN octet_length(w.tuple) <= {ROW_WRITTEN_BYTES_MAX} THEN w.tuple END AS tuple FROM ( \
         SELECT t.id AS row_id, CASE WHEN {} THEN json_build_array({})::text END AS tuple FROM {} t WHERE t.id = ANY($1) OFFSET 0) w",
        has_wire_form("t", entity),
        parts.join(", "),
        entity.name
    )
}

/// Selects the size of one row in a page, in bytes, for the log; null when it has no wire form. `$1`: the id.
pub fn written_bytes_of(entity: &Entity) -> String {
    let parts: Vec<String> = entity.columns.iter().map(|column| wire_expression("t", column.name, column.kind)).collect();
    format!(
        "SELECT CASE WHEN {} THEN octet_length(json_build_array({})::text) END FROM {} t WHERE t.id = $1",
        has_wire_form("t", entity),
        parts.join(", "),
        entity.name
    )
}

/// The names of the elements of a tuple of [`select_tuples`].
pub fn tuple_columns(entity: &Entity) -> Vec<&'static str> {
    let mut names = Vec::new();
    if entity.id == IdRule::Generated {
        names.push("id");
    }
    names.extend(["stamp", "created_at", "updated_at"]);
    names.extend(entity.columns.iter().map(|column| column.name));
    names
}

/// Reads and locks the rows that a push is about to change: `row_id`, `organization_id`, `stamp`, `edits`, `tuple` (columns
/// only; null when the row has no wire form). `$1`: `uuid[]`, distinct and sorted: rows are locked in this order, so that two
/// pushes of the same rows wait instead of deadlocking. Each id is looked up separately: for `id = ANY($1)` PostgreSQL plans a
/// scan of the whole table while it is small, and a session keeps that plan until the table is analyzed again.
pub fn select_for_change(entity: &Entity) -> String {
    let parts: Vec<String> = entity.columns.iter().map(|column| wire_expression("t", column.name, column.kind)).collect();
    let edits = if entity.tracked_groups().is_empty() { "NULL::jsonb" } else { "t.edits" };
    format!(
        "SELECT f.row_id, f.organization_id, f.stamp, f.edits, f.tuple FROM unnest($1::uuid[]) AS k(id) CROSS JOIN LATERAL (SELECT t.id AS row_id, t.organization_id AS organization_id, t.stamp AS stamp, {edits} AS edits, CASE WHEN {} THEN json_build_array({}) END AS tuple FROM {} t WHERE t.id = k.id FOR UPDATE) f",
        has_wire_form("t", entity),
        parts.join(", "),
        entity.name
    )
}

/// The columns that a push updates in an existing row: all but those that never change after the insert, and those that
/// only the server's cascade changes.
pub fn changeable(entity: &Entity) -> impl Iterator<Item = (usize, &Column)> {
    entity.columns.iter().enumerate().filter(|(_, column)| !matches!(column.merge, Merge::Key | Merge::Carried))
}

/// Inserts rows of one table; fails for all of them when one exists. `$1` ids, `$2` one organization, then one array per
/// column in the registry's order, then `edits` where the table has it.
pub fn insert_rows(entity: &Entity) -> String {
    let incoming = Incoming::of(entity, entity.columns.iter(), 3);
    format!(
        "INSERT INTO {} (id, organization_id, {}) SELECT r.id, $2, {} FROM unnest($1::uuid[], {}) AS r(id, {})",
        entity.name,
        incoming.names.join(", "),
        incoming.values.join(", "),
        incoming.arrays.join(", "),
        incoming.names.join(", ")
    )
}

/// Updates existing rows of one table. `$1` ids, then one array per [`changeable`] column, then `edits` where the table has
/// it.
pub fn update_rows(entity: &Entity) -> String {
    let incoming = Incoming::of(entity, changeable(entity).map(|(_, column)| column), 2);
    let sets: Vec<String> = incoming.names.iter().zip(&incoming.values).map(|(name, value)| format!("{name} = {value}")).collect();
    format!(
        "UPDATE {} t SET {} FROM unnest($1::uuid[], {}) AS r(id, {}) WHERE t.id = r.id",
        entity.name,
        sets.join(", "),
        incoming.arrays.join(", "),
        incoming.names.join(", ")
    )
}

/// Columns that are bound as arrays: the name, the array parameter and the value expression of each.
struct Incoming<'a> {
    names: Vec<&'a str>,
    arrays: Vec<String>,
    values: Vec<String>,
}

impl<'a> Incoming<'a> {
    fn of(entity: &Entity, columns: impl Iterator<Item = &'a Column>, first: usize) -> Incoming<'a> {
        let mut incoming = Incoming { names: Vec::new(), arrays: Vec::new(), values: Vec::new() };
        for column in columns {
            let (array, value) = match column.kind {
                Kind::Uuid => ("uuid[]", format!("r.{}", column.name)),
                Kind::Bool => ("boolean[]", format!("r.{}", column.name)),
                Kind::Int => ("bigint[]", format!("r.{}", column.name)),
                Kind::Float => ("double precision[]", format!("r.{}", column.name)),
                Kind::Timestamp => ("bigint[]", format!("to_timestamp(r.{} / 1000.0)", column.name)),
                Kind::Date => ("text[]", format!("r.{}::date", column.name)),
                Kind::Time => ("text[]", format!("r.{}::time", column.name)),
                Kind::Json => ("jsonb[]", format!("r.{}", column.name)),
                Kind::Text | Kind::Choice(_) => ("text[]", format!("r.{}", column.name)),
            };
            incoming.push(first, column.name, array, value);
        }
        if !entity.tracked_groups().is_empty() {
            incoming.push(first, "edits", "jsonb[]", "r.edits".to_owned());
        }
        incoming
    }

    fn push(&mut self, first: usize, name: &'a str, array: &str, value: String) {
        self.arrays.push(format!("${}::{array}", self.names.len() + first));
        self.names.push(name);
        self.values.push(value);
    }
}
