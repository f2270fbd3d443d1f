//! The registry agrees with the migrations of both databases. The migrations are parsed as text, so no database has to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::merge::{Change, merge};
use waystation_model::registry::{Column, Entity, IdRule, Kind, Merge, all};
use waystation_model::row_security::policies;
use waystation_model::sql::feed_triggers;
use waystation_model::wire::Base;

/// Columns of synced tables that never leave the server.
const SERVER_ONLY: &[(&str, &str)] = &[
    ("organizations", "connection_string"),
    ("organizations", "stripe_customer_id"),
    ("organizations", "stripe_subscription_id"),
    ("users", "password_hash"),
    ("devices", "recovery_secret"),
    ("student_profiles", "notes"),
    ("purchases", "stripe_payment_intent_id"),
    ("purchases", "stripe_checkout_session_id"),
    ("conflicts", "lost_device"),
    ("conflicts", "lost_stood_from"),
    ("conflicts", "lost_stood_upto"),
    ("conflicts", "lost_stood_before"),
];

/// One `CREATE TABLE`.
#[derive(Debug, Default)]
struct Table {
    /// Column name and the rest of its line, in order.
    columns: Vec<(String, String)>,
    /// Lines that begin with `CONSTRAINT`.
    constraints: Vec<String>,
    /// The text after the closing parenthesis.
    ending: String,
    /// Indexes and constraints from later statements: whole statements.
    later: Vec<String>,
}

impl Table {
    fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, rest)| rest.as_str())
    }

    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn migrations(folder: &str) -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    // In numeric order, as they run: V10 comes after V9.
    files.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let digits: String = name.trim_start_matches('V').chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("a migration begins with its number")
    });
    files.iter().map(|path| fs::read_to_string(path).expect("a migration is text")).collect::<Vec<_>>().join("\n")
}

/// Parses the subset of SQL that these migrations use: one column or constraint per line, a table that ends at a line which
/// begins with `)`, and a separate statement for each column that is added or dropped later.
fn tables(sql: &str) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut open: Option<String> = None;
    let mut statement = String::new();
    for line in sql.lines() {
        let line = line.split("--").next().unwrap_or("").trim_end();
        let words = line.trim().trim_end_matches(',');
        if words.is_empty() {
            continue;
        }
        if let Some(name) = &open {
            let table = tables.get_mut(name).expect("an open table");
            if let Some(ending) = line.strip_prefix(')') {
                table.ending = ending.trim_end_matches(';').trim().to_owned();
                open = None;
            } else if words.starts_with("CONSTRAINT ")
                || words.starts_with("PRIMARY KEY")
                || words.starts_with("CHECK ")
                || words.starts_with("UNIQUE ")
            {
                table.constraints.push(words.to_owned());
            } else {
                let (name, rest) = words.split_once(' ').expect("a column has a type");
                table.columns.push((name.to_owned(), rest.trim().to_owned()));
            }
        } else if line.starts_with("CREATE TABLE ") && line.contains(" PARTITION OF ") {
            // A partition has the columns of its table.
        } else if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            let name = rest.trim_end_matches(" (").to_owned();
            assert!(tables.insert(name.clone(), Table::default()).is_none(), "{name} is made twice");
            open = Some(name);
        } else {
            statement.push_str(words);
            statement.push(' ');
            if line.ends_with(';') {
                let text = std::mem::take(&mut statement);
                if alter_column(&mut tables, &text) {
                    continue;
                }
                let target =
                    text.split_once(" ON ").filter(|_| text.starts_with("CREATE INDEX") || text.starts_with("CREATE UNIQUE INDEX"));
                let target = target.map(|(_, rest)| rest).or_else(|| text.strip_prefix("ALTER TABLE "));
                if let Some(table) = target.and_then(|rest| rest.split_whitespace().next()).and_then(|name| tables.get_mut(name)) {
                    table.later.push(text);
                }
            }
        }
    }
    tables
}

/// Applies a statement that adds or drops a column. False: it is another statement.
fn alter_column(tables: &mut BTreeMap<String, Table>, statement: &str) -> bool {
    let words: Vec<&str> = statement.trim().trim_end_matches(';').split_whitespace().collect();
    match words.as_slice() {
        ["ALTER", "TABLE", table, "ADD", "COLUMN", column, rest @ ..] => {
            let table = tables.get_mut(*table).unwrap_or_else(|| panic!("no table {table}"));
            table.columns.push(((*column).to_owned(), rest.join(" ")));
            true
        }
        ["ALTER", "TABLE", table, "DROP", "COLUMN", column] => {
            let table = tables.get_mut(*table).unwrap_or_else(|| panic!("no table {table}"));
            table.columns.retain(|(name, _)| name != column);
            true
        }
        _ => false,
    }
}

fn server() -> BTreeMap<String, Table> {
    tables(&migrations("migrations/server"))
}

fn client() -> BTreeMap<String, Table> {
    let mut tables = tables(&migrations("migrations/client"));
    let synced = |name: &str| all().iter().any(|entity: &&'static Entity| entity.name == name);
    // Drop the laptop's own tables.
    tables.retain(|name, _| synced(name));
    tables
}

fn server_types(column: &Column) -> &'static [&'static str] {
    match column.kind {
        Kind::Uuid => &["uuid"],
        Kind::Text | Kind::Choice(_) => &["text"],
        Kind::Bool => &["boolean"],
        Kind::Int => &["bigint", "integer"],
        Kind::Float => &["double precision"],
        Kind::Date => &["date"],
        Kind::Time => &["time"],
        Kind::Timestamp => &["timestamptz"],
        Kind::Json => &["jsonb"],
    }
}

fn client_type(column: &Column) -> &'static str {
    match column.kind {
        Kind::Uuid | Kind::Text | Kind::Choice(_) | Kind::Date | Kind::Time | Kind::Json => "TEXT",
        Kind::Bool | Kind::Int | Kind::Timestamp => "INTEGER",
        Kind::Float => "REAL",
    }
}

fn has_type(rest: &str, types: &[&str]) -> bool {
    types.iter().any(|kind| rest == *kind || rest.strip_prefix(kind).is_some_and(|after| after.starts_with(' ')))
}

#[test]
fn the_server_has_every_column_with_its_type() {
    let tables = server();
    for entity in all() {
        let table = tables.get(entity.name).unwrap_or_else(|| panic!("no table {}", entity.name));
        for column in entity.columns {
            let rest = table.column(column.name).unwrap_or_else(|| panic!("{} has no {}", entity.name, column.name));
            assert!(has_type(rest, server_types(column)), "{}.{} is {rest}", entity.name, column.name);
            assert_eq!(rest.contains("NOT NULL"), !column.nullable, "{}.{} is {rest}", entity.name, column.name);
        }
    }
}

#[test]
fn every_synced_table_has_the_columns_that_sync_needs() {
    let tables = server();
    for entity in all() {
        let table = &tables[entity.name];
        let id = if entity.id == IdRule::Generated { "uuid PRIMARY KEY DEFAULT gen_random_uuid()" } else { "uuid PRIMARY KEY" };
        assert_eq!(table.column("id"), Some(id), "{}", entity.name);
        assert!(table.column("organization_id").is_some_and(|rest| rest.starts_with("uuid NOT NULL")), "{}", entity.name);
        assert_eq!(table.column("created_at"), Some("timestamptz NOT NULL"), "{}", entity.name);
        assert_eq!(table.column("updated_at"), Some("timestamptz NOT NULL"), "{}", entity.name);
        assert_eq!(table.column("stamp"), Some("bigint NOT NULL"), "{}", entity.name);
        let edits = (!entity.tracked_groups().is_empty()).then_some("jsonb NOT NULL DEFAULT '{}'");
        assert_eq!(table.column("edits"), edits, "{}: only tables with tracked columns have edits", entity.name);
    }
}

#[test]
fn every_server_column_is_registered_or_listed_as_server_only() {
    let tables = server();
    let implicit = ["id", "organization_id", "created_at", "updated_at", "stamp", "edits"];
    for entity in all() {
        for (name, rest) in &tables[entity.name].columns {
            let known = implicit.contains(&name.as_str()) || entity.column(name).is_some();
            let stays = SERVER_ONLY.contains(&(entity.name, name.as_str()));
            assert!(known != stays, "{}.{name}", entity.name);
            // A push inserts registered columns only.
            assert!(known || !rest.contains("NOT NULL") || rest.contains("DEFAULT"), "{}.{name} needs a default", entity.name);
        }
    }
    for (table, column) in SERVER_ONLY {
        assert!(tables[*table].column(column).is_some(), "{table}.{column} does not exist");
    }
}

#[test]
fn the_server_checks_the_values_of_a_choice() {
    let tables = server();
    for entity in all() {
        for column in entity.columns {
            if let Kind::Choice(words) = column.kind {
                let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
                let wanted = format!("CONSTRAINT {0}_{1}_check CHECK ({1} IN ({list}))", entity.name, column.name);
                let added = format!("ALTER TABLE {} ADD {wanted};", entity.name);
                let table = &tables[entity.name];
                assert!(table.constraints.contains(&wanted) || table.later.iter().any(|text| text.trim() == added), "{wanted}");
            }
        }
    }
}

#[test]
fn constraints_begin_with_their_tables_name() {
    for (name, table) in server() {
        for constraint in table.constraints.iter().filter_map(|line| line.strip_prefix("CONSTRAINT ")) {
            let constraint = constraint.split(' ').next().unwrap_or("");
            assert!(constraint.starts_with(&format!("{name}_")), "{constraint} on {name}");
            assert!(constraint.len() < 64, "PostgreSQL cuts {constraint}");
        }
    }
}

#[test]
fn a_derived_id_is_the_only_unique_key_of_its_table() {
    // ON CONFLICT (id) ignores a second unique key, and two laptops may create the same row at once.
    let tables = server();
    for entity in all().iter().filter(|entity| entity.id != IdRule::Generated) {
        let table = &tables[entity.name];
        for line in table.constraints.iter().chain(&table.later) {
            assert!(!line.contains("UNIQUE"), "{}: {line}", entity.name);
        }
    }
}

#[test]
fn parents_come_before_children() {
    let tables = server();
    for (index, entity) in all().iter().enumerate() {
        let table = &tables[entity.name];
        let lines = table.columns.iter().map(|(_, rest)| rest).chain(&table.constraints).chain(&table.later);
        for line in lines {
            let Some((_, target)) = line.split_once("REFERENCES ") else { continue };
            let target = target.split(' ').next().unwrap_or("");
            let parent = all().iter().position(|parent| parent.name == target).unwrap_or_else(|| panic!("{target} is not registered"));
            // The only cycle: people belong to a department, and one of them leads it.
            let leads = entity.name == "departments" && line.contains("manager_id");
            assert!(parent <= index || leads, "{} comes before its parent {target}", entity.name);
        }
    }
}

#[test]
fn foreign_keys_include_the_organization() {
    // A foreign key includes organization_id, or another column of a parent that has it.
    let tables = server();
    for entity in all() {
        for line in tables[entity.name].constraints.iter().filter(|line| line.contains("FOREIGN KEY")) {
            let of_one_column =
                line.contains("FOREIGN KEY (") && !line[line.find('(').unwrap_or(0)..line.find(')').unwrap_or(0)].contains(',');
            let by_the_server_alone = entity.name == "group_membership_periods" && line.contains("membership_id");
            assert!(!of_one_column || by_the_server_alone, "{}: {line}", entity.name);
        }
    }
}

#[test]
fn the_laptop_has_every_table_column_for_column() {
    let tables = client();
    for entity in all() {
        let table = tables.get(entity.name).unwrap_or_else(|| panic!("no table {}", entity.name));
        assert_eq!(table.ending, "STRICT", "{}", entity.name);
        let mut wanted = vec!["id", "stamp", "created_at", "updated_at"];
        wanted.extend(entity.columns.iter().map(|column| column.name));
        let (of_laptop, of_row): (Vec<&str>, Vec<&str>) = table.names().into_iter().partition(|name| *name == "digest");
        assert_eq!(of_row, wanted, "{}", entity.name);
        assert_eq!(of_laptop, ["digest"], "{} needs a digest, to detect rows that another program changed", entity.name);
        assert_eq!(table.column("id"), Some("TEXT PRIMARY KEY"), "{}", entity.name);
        assert_eq!(table.column("stamp"), Some("INTEGER NOT NULL"), "{}", entity.name);
        for column in entity.columns {
            assert_eq!(table.column(column.name), Some(client_column(column).as_str()), "{}.{}", entity.name, column.name);
        }
    }
}

fn client_column(column: &Column) -> String {
    let required = !column.nullable && column.merge != Merge::Server;
    format!("{}{}", client_type(column), if required { " NOT NULL" } else { "" })
}

#[test]
fn the_laptop_has_no_constraints_because_it_has_only_a_part_of_the_rows() {
    for (name, table) in client() {
        assert!(table.constraints.is_empty(), "{name}: {:?}", table.constraints);
        for (column, rest) in &table.columns {
            assert!(!["UNIQUE", "REFERENCES", "CHECK"].iter().any(|word| rest.contains(word)), "{name}.{column}: {rest}");
        }
        assert!(table.later.iter().all(|line| line.starts_with("CREATE INDEX")), "{name}: {:?}", table.later);
    }
}

#[test]
fn the_generated_triggers_are_up_to_date() {
    let stored = fs::read_to_string(root().join("migrations/server/generated/feeds.sql")).expect("the generated file");
    assert!(stored == feed_triggers(), "run `cargo run -p waystation-model --example print_feeds > migrations/server/generated/feeds.sql`");
}

#[test]
fn the_generated_policies_are_up_to_date() {
    let stored = fs::read_to_string(root().join("migrations/server/generated/row_security.sql")).expect("the generated file");
    assert!(stored == policies(), "run `cargo xtask generate`");
}

/// A value that fits a column of this kind.
fn some_value(column: &Column) -> Value {
    match column.kind {
        Kind::Uuid => json!(Uuid::from_u128(1)),
        Kind::Text => json!("x"),
        Kind::Choice(words) => json!(words[0]),
        Kind::Bool => json!(true),
        Kind::Int | Kind::Timestamp => json!(1),
        Kind::Float => json!(1.5),
        Kind::Date => json!("2026-03-02"),
        Kind::Time => json!("11:00"),
        Kind::Json => json!({}),
    }
}

#[test]
fn a_new_row_requires_exactly_the_needed_columns() {
    for entity in all() {
        let needed: Vec<usize> = (0..entity.columns.len()).filter(|index| entity.columns[*index].is_needed()).collect();
        let made = |left_out: Option<usize>| {
            let given = needed.iter().filter(|index| Some(**index) != left_out);
            let fields: Vec<(usize, Value)> = given.map(|index| (*index, some_value(&entity.columns[*index]))).collect();
            let change = Change { device: Uuid::nil(), n: 1, user: Uuid::nil(), base: Base::default(), at: 1, fields: &fields };
            merge(entity, None, &change).map(drop)
        };
        assert_eq!(made(None), Ok(()), "{}", entity.name);
        for index in &needed {
            let problem = made(Some(*index)).expect_err("a needed column is missing");
            assert_eq!(
                (problem.code, problem.fields),
                (Code::MissingValue, vec![entity.columns[*index].name.to_owned()]),
                "{}",
                entity.name
            );
        }
    }
}

#[test]
fn the_migration_parser_reads_tables_columns_and_indexes() {
    let read = tables(
        "CREATE TABLE a (\n    id uuid PRIMARY KEY, -- why\n    -- alone\n    b  text NOT NULL,\n    c  text,\n    CONSTRAINT a_b_check CHECK (b <> '')\n);\nCREATE UNIQUE INDEX a_b_key\n    ON a (b);\nALTER TABLE a ADD COLUMN d bigint NOT NULL;\nALTER TABLE a DROP COLUMN c;\n",
    );
    let table = &read["a"];
    assert_eq!(table.names(), ["id", "b", "d"]);
    assert_eq!(table.column("b"), Some("text NOT NULL"));
    assert_eq!(table.constraints, ["CONSTRAINT a_b_check CHECK (b <> '')"]);
    assert_eq!(table.later.len(), 1);
}

#[test]
fn every_server_table_is_registered_or_listed_as_the_servers_own() {
    let own = [
        "epoch",
        "feed",
        "feed_drain",
        "feed_entities",
        "feed_generated",
        "scope_heads",
        "device_states",
        "device_pushes",
        "user_sessions",
        "known_rights",
        "feed_marks",
        "former_rights",
        "lost_lives",
        "database_runs",
        "audit_logs",
        "left_refresh_tokens",
        "personal_tokens",
        "idempotency_keys",
        "sign_in_names",
        "offered_row_seconders",
        "receipt_counters",
    ];
    let registered = |name: &str| all().iter().any(|entity: &&'static Entity| entity.name == name);
    for name in server().keys().filter(|name| !name.starts_with("feed_queue")) {
        assert!(registered(name) != own.contains(&name.as_str()), "{name}");
    }
}
