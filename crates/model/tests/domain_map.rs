//! `docs/DOMAIN.md` is up to date with the registry, with the migrations, and with the five descriptions in `docs/seeds`: it
//! maps each of their columns. All files are parsed as text, so no database has to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use waystation_model::registry::{all, entity};
use waystation_model::scope::ScopeKind;

#[path = "../examples/print_domain.rs"]
mod print_domain;

/// Table names, or view names, with their columns.
type Tables = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}")).replace("\r\n", "\n")
}

fn domain() -> String {
    read("docs/DOMAIN.md")
}

// ---- What exists here ----

/// The migrations of the server, without their comments.
fn migrations() -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("migrations/server"))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let sql: Vec<String> = files.iter().map(|path| fs::read_to_string(path).expect("a migration is text")).collect();
    without_comments(&sql.join("\n"))
}

fn here() -> Tables {
    let sql = migrations();
    let mut tables = created_tables(&sql);
    tables.extend(views(&sql));
    for statement in sql.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        if let ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] = words.as_slice() {
            tables.entry((*table).to_owned()).or_default().insert((*column).to_owned());
        }
        if let ["ALTER", "TABLE", table, "DROP", "COLUMN", column, ..] = words.as_slice() {
            tables.entry((*table).to_owned()).or_default().remove(*column);
        }
    }
    tables
}

fn without_comments(sql: &str) -> String {
    sql.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Every `CREATE TABLE` that begins a line, one column a line, ended by a line that begins with `)`.
fn created_tables(sql: &str) -> Tables {
    let mut tables = Tables::new();
    let mut open: Option<String> = None;
    for line in sql.lines() {
        let first_word = line.split_whitespace().next().unwrap_or("");
        let made = line.strip_prefix("CREATE TABLE ").or_else(|| line.strip_prefix("CREATE UNLOGGED TABLE "));
        if let Some((name, inside)) = made.and_then(|rest| rest.split_once(" (")) {
            tables.entry(name.to_owned()).or_default().extend(inside.split_whitespace().next().map(str::to_owned));
            // The columns follow on the next lines.
            open = inside.is_empty().then(|| name.to_owned());
        } else if line.starts_with(')') {
            open = None;
        } else if let Some(columns) = open.as_ref().and_then(|name| tables.get_mut(name)) {
            // A constraint begins with a capital.
            if first_word.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                columns.insert(first_word.to_owned());
            }
        }
    }
    tables
}

/// Every `CREATE VIEW` whose list of columns ends at a line that begins with `FROM`.
fn views(sql: &str) -> Tables {
    let mut views = Tables::new();
    for text in sql.replace("CREATE OR REPLACE VIEW ", "CREATE VIEW ").split("CREATE VIEW ").skip(1) {
        let (name, rest) = text.split_once(" AS").expect("a view has a query");
        let list = rest.split_once("\nFROM ").expect("a view is from something").0.trim().trim_start_matches("SELECT");
        let columns = at_top_level(list).into_iter().filter_map(|column| {
            let last = column.split_whitespace().last()?.to_owned();
            Some(last.rsplit('.').next().unwrap_or(&last).to_owned())
        });
        views.insert(name.trim().to_owned(), columns.collect());
    }
    views
}

/// Splits at commas outside of parentheses.
fn at_top_level(list: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_i32);
    for letter in list.chars() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("never empty").push(letter);
        }
    }
    parts
}

// ---- What the five descriptions say ----

fn seeds() -> BTreeMap<&'static str, Tables> {
    BTreeMap::from([
        ("S0", listed(&read("docs/seeds/000_7f7a5c731101f15e.txt"))),
        ("S1", bold(&read("docs/seeds/001_06bedc8c42b03b78.txt"))),
        ("S2", created_tables(&without_comments(&read("docs/seeds/002_2e5f5c44fe8aa726.txt")))),
        ("S3", numbered(&read("docs/seeds/003_d1073e9d4c9beef9.txt"))),
        ("S4", created_tables(&without_comments(&read("docs/seeds/004_8b786dfc02108f31.txt")))),
    ])
}

/// S0: a list of tables, `- **name** (keys)`, each with a list of columns. A foreign key without a column name becomes
/// `FK target`, and a remark is kept as text.
fn listed(text: &str) -> Tables {
    let mut tables = Tables::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if let Some((name, rest)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("**")) {
            tables.entry(name.to_owned()).or_default().extend(keys_in_parentheses(rest));
            open = Some(name.to_owned());
        } else if let Some(item) = line.strip_prefix("  - ") {
            let Some(columns) = open.as_ref().and_then(|name| tables.get_mut(name)) else { continue };
            if item.starts_with('`') {
                columns.extend(leading_names(item));
            } else if !item.starts_with("unique(") && !item.starts_with("constraint:") {
                columns.insert(item.trim().to_owned());
            }
        } else if line.starts_with('#') {
            open = None;
        }
    }
    tables
}

/// `(UUID PK, FK station nullable)` names `id` and `FK station`.
fn keys_in_parentheses(text: &str) -> Vec<String> {
    let Some(start) = text.find('(') else { return Vec::new() };
    let mut depth = 0_i32;
    let inside: String = text[start..]
        .chars()
        .take_while(|letter| {
            depth += i32::from(*letter == '(') - i32::from(*letter == ')');
            depth > 0
        })
        .skip(1)
        .collect();
    let mut keys = Vec::new();
    for part in at_top_level(&inside) {
        let part = part.trim();
        if let Some(columns) = part.strip_prefix("unique(").and_then(|rest| rest.strip_suffix(')')) {
            keys.extend(columns.split(',').map(|column| column.trim().to_owned()));
        } else if let Some(target) = part.strip_prefix("FK ") {
            keys.push(format!("FK {}", target.split(' ').next().unwrap_or("")));
        } else if part.contains("PK") {
            keys.push(part.split_once('=').map_or("id", |(_, column)| column.trim()).to_owned());
        }
    }
    keys
}

/// The names in back ticks that begin a text, with commas between them.
fn leading_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        names.push(name.to_owned());
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            None => break,
        }
    }
    names
}

/// S1: `**name**` above a table of columns, and a summary with a row for each Django model.
fn bold(text: &str) -> Tables {
    let mut tables = Tables::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
            open = Some(name.to_owned());
        } else if line.starts_with('#') {
            // The first table has no heading of its own: its name is in the section's title.
            open = line.strip_prefix("### ").and_then(|title| title.split_once(") ")).map(|(_, name)| name.to_owned());
        } else if let Some(row) = line.strip_prefix("| **") {
            let mut cells = row.split('|').map(str::trim);
            let model = cells.next().unwrap_or("").trim_end_matches("**");
            let columns = cells.next().unwrap_or("").split(", ").map(|column| column.split(' ').next().unwrap_or("").to_owned());
            tables.entry(snake_case(model)).or_default().extend(columns);
        } else if let (Some(name), Some(row)) = (&open, line.strip_prefix("| ")) {
            let column = row.split('|').next().unwrap_or("").trim();
            if column.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_') {
                tables.entry(name.clone()).or_default().insert(column.to_owned());
            }
        }
    }
    tables
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// S3: a heading with a number and the name in back ticks above a table of columns, and examples of the JSON in them.
fn numbered(text: &str) -> Tables {
    let mut tables = Tables::new();
    let mut open: Option<String> = None;
    let mut json: Option<Option<String>> = None;
    for line in text.lines() {
        if line.starts_with('#') {
            open = line.split_once(". `").and_then(|(_, rest)| rest.strip_suffix('`')).map(str::to_owned);
            continue;
        }
        let Some(columns) = open.as_ref().map(|name| tables.entry(name.clone()).or_default()) else { continue };
        if line == "```json" {
            json = Some(None);
        } else if line == "```" {
            json = None;
        } else if let Some(list) = &mut json {
            let Some((name, _)) = line.trim().strip_prefix('"').and_then(|rest| rest.split_once("\":")) else { continue };
            match list {
                None => *list = Some(name.to_owned()),
                Some(list) => columns.extend([format!("{list}[].{name}")]),
            }
        } else if let Some(row) = line.strip_prefix("| `") {
            columns.insert(row.split('`').next().unwrap_or("").to_owned());
        }
    }
    tables
}

// ---- The map in `docs/DOMAIN.md` ----

/// The target of a described column.
#[derive(Debug, Clone, PartialEq)]
enum Home {
    /// `table.column`, or `table.*`.
    Here(Vec<String>),
    /// The same, in a table that does not exist yet.
    Later(Vec<String>),
    /// No target, and the reason.
    NotKept(String),
}

/// One table of one description.
#[derive(Debug, Default)]
struct Entry {
    seed: String,
    table: String,
    /// The tables that it maps to; empty when later.
    went_to: Vec<String>,
    rows: Vec<(Vec<String>, Home)>,
}

fn map(document: &str) -> Result<Vec<Entry>, String> {
    let (_, text) = document.split_once("\n## The five descriptions\n").ok_or("there is no map")?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut seed = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("#### ") {
            let (table, target) = title.split_once(" → ").ok_or_else(|| format!("{title}: where did it go?"))?;
            let went_to = if target == "later" { Vec::new() } else { names(target)? };
            entries.push(Entry { seed: seed.clone(), table: table.to_owned(), went_to, rows: Vec::new() });
        } else if let Some(title) = line.strip_prefix("### ") {
            title.clone_into(&mut seed);
        } else if line.starts_with("## ") {
            break;
        } else if let Some(row) = line.strip_prefix("| ") {
            // The list of files precedes the first table.
            let Some(entry) = entries.last_mut() else { continue };
            if row == "seed column | home | why |" {
                continue;
            }
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [columns, home, _, ""] = cells.as_slice() else { return Err(format!("{line}: not three cells")) };
            entry.rows.push((names(columns)?, read_home(home)?));
        }
    }
    Ok(entries)
}

fn read_home(text: &str) -> Result<Home, String> {
    if let Some(reason) = text.strip_prefix("not kept:") {
        let reason = reason.trim();
        return if reason.is_empty() { Err("not kept, and no reason".to_owned()) } else { Ok(Home::NotKept(reason.to_owned())) };
    }
    match text.strip_prefix("later: ") {
        Some(rest) => names(rest).map(Home::Later),
        None => names(text).map(Home::Here),
    }
}

/// Reads `` `a`, `b` ``.
fn names(text: &str) -> Result<Vec<String>, String> {
    let read =
        |part: &str| part.strip_prefix('`').and_then(|part| part.strip_suffix('`')).filter(|name| !name.contains('`')).map(str::to_owned);
    text.split(", ").map(|part| read(part).ok_or_else(|| format!("{text:?} is not a list of names in back ticks"))).collect()
}

/// Describes every error of the map.
fn faults(seeds: &BTreeMap<&'static str, Tables>, entries: &[Entry], here: &Tables) -> Vec<String> {
    let mut faults = Vec::new();
    let mut mapped: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for entry in entries {
        let place = format!("{} {}", entry.seed, entry.table);
        let known = seeds.get(entry.seed.as_str()).and_then(|tables| tables.get(&entry.table));
        if known.is_none() {
            faults.push(format!("{place}: no description has this table"));
        }
        for table in entry.went_to.iter().filter(|table| !here.contains_key(*table)) {
            faults.push(format!("{place} went to {table}, and there is none"));
        }
        for (columns, home) in &entry.rows {
            for column in columns {
                if known.is_some_and(|known| !known.contains(column)) {
                    faults.push(format!("{place}.{column}: the description has no such column"));
                }
                if !mapped.insert((&entry.seed, &entry.table, column)) {
                    faults.push(format!("{place}.{column} has two rows"));
                }
                faults.extend(
                    home_faults(column, home, here, !entry.went_to.is_empty()).iter().map(|fault| format!("{place}.{column}: {fault}")),
                );
            }
        }
    }
    for (seed, tables) in seeds {
        for (table, columns) in tables {
            for column in columns.iter().filter(|column| !mapped.contains(&(*seed, table.as_str(), column.as_str()))) {
                faults.push(format!("{seed} {table}.{column} has no home"));
            }
        }
    }
    faults
}

fn home_faults(column: &str, home: &Home, here: &Tables, table_is_here: bool) -> Vec<String> {
    let (homes, later) = match home {
        Home::Here(homes) => (homes, false),
        Home::Later(homes) => (homes, true),
        Home::NotKept(_) => return Vec::new(),
    };
    let mut faults = Vec::new();
    if !later && !table_is_here {
        faults.push("is here, and its table is marked later".to_owned());
    }
    for home in homes {
        let Some((table, named)) = home.split_once('.') else {
            faults.push(format!("{home} is not table.column"));
            continue;
        };
        let named = if named == "*" { column } else { named };
        let columns = here.get(table);
        if later && columns.is_some() {
            faults.push(format!("{table}.{named} is marked later, and {table} exists: say where the column is now"));
        }
        if !later && columns.is_none_or(|columns| !columns.contains(named)) {
            faults.push(format!("{table}.{named} does not exist"));
        }
    }
    faults
}

// ---- The tests ----

#[test]
fn every_column_of_the_five_descriptions_has_a_home_that_exists() {
    let entries = map(&domain()).expect("the map can be read");
    let faults = faults(&seeds(), &entries, &here());
    assert!(faults.is_empty(), "docs/DOMAIN.md:\n{}", faults.join("\n"));
}

#[test]
fn the_descriptions_are_parsed_completely() {
    let seeds = seeds();
    let counts: Vec<(&str, usize)> = seeds.iter().map(|(seed, tables)| (*seed, tables.len())).collect();
    assert_eq!(counts, [("S0", 25), ("S1", 22), ("S2", 14), ("S3", 20), ("S4", 13)]);
    for (seed, table, column) in [
        ("S0", "user_profiles", "notification flags"),
        ("S0", "user_courses", "course_id"),
        ("S0", "courses", "FK station"),
        ("S0", "user_stats", "user_id"),
        ("S0", "topic_files", "minio_object_name"),
        ("S1", "attendance_record", "lesson_date"),
        ("S1", "organization", "updated_at"),
        ("S1", "user", "date_joined"),
        ("S1", "test_result", "max_score"),
        ("S2", "subscription_plans", "features"),
        ("S3", "content", "order"),
        ("S3", "assessments", "questions[].explanation"),
        ("S3", "audit_logs", "user_agent"),
        ("S4", "user_groups", "group_id"),
        ("S4", "user_badges", "earned_at"),
    ] {
        assert!(seeds[seed][table].contains(column), "{seed} {table}.{column}: {:?}", seeds[seed][table]);
    }
    for (seed, tables) in &seeds {
        for (table, columns) in tables {
            assert!(!columns.is_empty(), "{seed} {table} has no columns");
            assert!(columns.iter().all(|column| !column.is_empty()), "{seed} {table}: {columns:?}");
        }
    }
}

#[test]
fn errors_of_the_map_are_found() {
    let seeds = BTreeMap::from([("S0", Tables::from([("seed".to_owned(), BTreeSet::from(["a".to_owned(), "b".to_owned()]))]))]);
    let here = Tables::from([("home".to_owned(), BTreeSet::from(["a".to_owned()]))]);
    let found = |target: &str, rows: &str| {
        let document = format!(
            "\n## The five descriptions\n\n### S0\n\n#### seed → {target}\n\n| seed column | home | why |\n|---|---|---|\n{rows}\n"
        );
        map(&document).map(|entries| faults(&seeds, &entries, &here))
    };
    let well = Ok(Vec::new());
    assert_eq!(found("`home`", "| `a` | `home.*` | |\n| `b` | later: `other.b` | why |"), well);
    assert_eq!(found("`home`", "| `a`, `b` | `home.a` | |"), well);
    assert_eq!(found("`home`", "| `a` | `home.a` | |\n| `b` | not kept: nobody needs it | |"), well);
    let one = |fault: &str| Ok(vec![fault.to_owned()]);
    assert_eq!(found("`home`", "| `a` | `home.a` | |"), one("S0 seed.b has no home"));
    assert_eq!(found("`home`", "| `a`, `b` | `home.*` | |"), one("S0 seed.b: home.b does not exist"));
    assert_eq!(
        found("`home`", "| `a` | `home.a` | |\n| `b` | later: `home.b` | |"),
        one("S0 seed.b: home.b is marked later, and home exists: say where the column is now")
    );
    assert_eq!(found("`home`", "| `a`, `b`, `c` | `home.a` | |"), one("S0 seed.c: the description has no such column"));
    assert_eq!(found("`home`", "| `a`, `b`, `a` | `home.a` | |"), one("S0 seed.a has two rows"));
    assert_eq!(found("`house`", "| `a`, `b` | `home.a` | |"), one("S0 seed went to house, and there is none"));
    assert_eq!(found("later", "| `a` | `home.a` | |\n| `b` | later: `x.b` | |"), one("S0 seed.a: is here, and its table is marked later"));
    assert!(found("`home`", "| a | `home.a` | |").is_err());
    assert!(found("`home`", "| `a` | not kept: | |").is_err());
    assert!(found("`home`", "| `a` | `home.a` |").is_err());
}

#[test]
fn the_generated_section_is_up_to_date() {
    let document = domain();
    let renewed = print_domain::renewed(&document).expect("the section is there");
    assert!(
        renewed == document,
        "run `cargo run -p waystation-model --example print_domain -- docs/DOMAIN.md`, and put what it prints into that file"
    );
}

/// The first cells of the rows under a title, without their back ticks.
fn first_cells(document: &str, title: &str) -> Vec<String> {
    let (_, text) = document.split_once(&format!("\n{title}\n")).unwrap_or_else(|| panic!("there is no {title}"));
    text.lines()
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect()
}

#[test]
fn the_page_explains_the_scopes_of_every_table() {
    let told = first_cells(&domain(), "## Who hears a table, and why nobody else does");
    let registered: Vec<&str> = all().iter().map(|entity| entity.name).collect();
    assert_eq!(told, registered, "in the registry's order");
}

#[test]
fn the_page_lists_every_scope() {
    let told: BTreeSet<String> =
        first_cells(&domain(), "## Scopes").iter().map(|scope| scope.split(':').next().unwrap_or("").to_owned()).collect();
    let known: BTreeSet<String> = ScopeKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
    assert_eq!(told, known);
}

#[test]
fn the_page_lists_everything_that_never_leaves_the_server() {
    let document = domain();
    let told: BTreeSet<String> = first_cells(&document, "### What never leaves the server").into_iter().collect();
    let always = ["id", "organization_id", "created_at", "updated_at", "stamp", "edits"];
    let mut stays = BTreeSet::new();
    let here = here();
    let views = views(&migrations());
    for (table, columns) in here.iter().filter(|(table, _)| !views.contains_key(*table)) {
        match entity(table) {
            None => stays.extend([table.clone()]),
            Some(entity) => stays.extend(
                columns
                    .iter()
                    .filter(|column| !always.contains(&column.as_str()) && entity.column(column).is_none())
                    .map(|column| format!("{table}.{column}")),
            ),
        }
    }
    assert_eq!(told, stays);
    for view in views.keys() {
        assert!(document.contains(&format!("`{view}`")), "the view {view}");
    }
}
