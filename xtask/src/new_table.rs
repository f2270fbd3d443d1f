//! `cargo xtask new-table NAME`: begins a synced table. It writes or extends the seven files that a table has by hand: a migration
//! of the server, one of the laptop, its entry in the registry, the list of entries, and its words in three languages.
//! Everything else follows from the entry: `cargo xtask generate` writes it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, paths};

/// Longest name: PostgreSQL cuts a constraint's name after 63 bytes, and they begin with the table's.
const NAME_MAX: usize = 30;

const SERVER: &str = "migrations/server";
const CLIENT: &str = "migrations/client";
const ENTRIES: &str = "crates/model/src/registry/entries";
const WORDS: &str = "ui/messages/domain";
const LANGUAGES: [&str; 3] = ["en", "ru", "az"];

/// Writes the files and says what to do next.
pub fn new_table(name: &str) -> Outcome {
    let files = write(&paths::root(), name)?;
    println!("The table {name} has begun. By hand:");
    for file in &files {
        println!("  {}", file.display());
    }
    println!("Give it its columns, rights and words there, then run `cargo xtask generate` and `cargo xtask test`.");
    Ok(true)
}

/// Writes the files below `root`, or none of them. Returns their paths.
pub fn write(root: &Path, name: &str) -> Result<Vec<PathBuf>, String> {
    check_name(name)?;
    let list = root.join(ENTRIES).join("mod.rs");
    let entries = read(&list)?;
    if entries.contains(&format!("::{},", name.to_uppercase())) {
        return Err(format!("there is a table {name}"));
    }
    let server = next_server_migration(&root.join(SERVER))?;
    let client = next_client_migration(&root.join(CLIENT))?;
    let code = next_code(&root.join(ENTRIES))?;
    let mut files = vec![
        (root.join(SERVER).join(format!("{server}_{name}.sql")), server_migration(name)),
        (root.join(CLIENT).join(format!("V{client}__{name}.sql")), client_migration(name)),
        (root.join(ENTRIES).join(format!("{name}.rs")), entry(name, code)),
        (list, listed(&entries, name)?),
    ];
    for language in LANGUAGES {
        let file = root.join(WORDS).join(format!("{language}.json"));
        let text = with_words(&read(&file)?, name).ok_or_else(|| format!("{} is not a list of words", file.display()))?;
        files.push((file, text));
    }
    for (file, text) in &files {
        fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(files.into_iter().map(|(file, _)| file.strip_prefix(root).map(Path::to_path_buf).unwrap_or(file)).collect())
}

fn check_name(name: &str) -> Result<(), String> {
    let has_form = name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        && name.len() <= NAME_MAX;
    if has_form {
        Ok(())
    } else {
        Err(format!("{name:?} is no name for a table: at most {NAME_MAX} of a to z, digits and `_`, in the plural, such as `visitors`"))
    }
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn names_in(folder: &Path) -> Result<Vec<String>, String> {
    let files = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(files.filter_map(|file| file.ok()?.file_name().into_string().ok()).collect())
}

fn next_server_migration(folder: &Path) -> Result<u64, String> {
    let numbers = names_in(folder)?.into_iter().filter_map(|name| name.split_once('_')?.0.parse::<u64>().ok());
    numbers.max().map(|last| last + 1).ok_or_else(|| format!("there is no migration in {}", folder.display()))
}

fn next_client_migration(folder: &Path) -> Result<u64, String> {
    let numbers = names_in(folder)?.into_iter().filter_map(|name| name.strip_prefix('V')?.split_once("__")?.0.parse::<u64>().ok());
    numbers.max().map(|last| last + 1).ok_or_else(|| format!("there is no migration in {}", folder.display()))
}

/// The code after the highest. Codes name tables in feeds and are never given twice.
fn next_code(entries: &Path) -> Result<u64, String> {
    let mut highest = 0;
    for name in names_in(entries)? {
        let text = read(&entries.join(name))?;
        let codes = text.lines().filter_map(|line| line.trim().strip_prefix("code: ")?.strip_suffix(',')?.parse::<u64>().ok());
        highest = codes.fold(highest, u64::max);
    }
    Ok(highest + 1)
}

fn server_migration(name: &str) -> String {
    format!(
        "-- What the rows of this table are.
CREATE TABLE {name} (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    name            text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    stamp           bigint NOT NULL,
    edits           jsonb NOT NULL DEFAULT '{{}}',
    CONSTRAINT {name}_name_check CHECK (name <> ''),
    CONSTRAINT {name}_id_organization_id_key UNIQUE (id, organization_id)
);
CREATE INDEX {name}_by_organization ON {name} (organization_id);
"
    )
}

fn client_migration(name: &str) -> String {
    format!(
        "CREATE TABLE {name} (
    id         TEXT PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    name       TEXT NOT NULL,
    digest     INTEGER
) STRICT;
CREATE INDEX {name}_by_name ON {name} (name);
"
    )
}

fn entry(name: &str, code: u64) -> String {
    let constant = name.to_uppercase();
    format!(
        "//! What the rows of this table are.

use super::super::*;
use crate::access::{{Role, Who}};

/// One row of it.
pub static {constant}: Entity = Entity {{
    name: \"{name}\",
    code: {code},
    columns: &[column(\"name\", Kind::Text, Merge::Latest).length_max(255).required().format(Format::NotEmpty)],
    id: IdRule::Generated,
    scopes: &[in_scope(ScopeKind::Org, \"organization_id\")],
    write: &[&[Who::Has(Role::Admin)]],
    delete: &[&[Who::Has(Role::Admin)]],
    access: &[],
    constraints: constraints(),
    record: record(Section::Organization, Label::First(&[\"name\"])),
}};
"
    )
}

/// The list of entries with the new table: its file among the files, and its entry at the end, after every table it may refer to.
fn listed(entries: &str, name: &str) -> Result<String, String> {
    let mut lines: Vec<String> = entries.lines().map(str::to_owned).collect();
    let module = format!("mod {name};");
    let after = lines.iter().rposition(|line| line.starts_with("mod ") && **line < *module);
    let first = lines.iter().position(|line| line.starts_with("mod "));
    let place = after.map(|place| place + 1).or(first).ok_or("entries/mod.rs lists no file")?;
    lines.insert(place, module);
    let end = lines.iter().rposition(|line| line == "];").ok_or("entries/mod.rs has no list")?;
    lines.insert(end, format!("    &{name}::{},", name.to_uppercase()));
    Ok(lines.join("\n") + "\n")
}

/// The words with the two of the new table, in English until somebody translates them.
fn with_words(words: &str, name: &str) -> Option<String> {
    let words = words.trim_end().strip_suffix('}')?.trim_end();
    let separator = if words.ends_with('{') { "" } else { "," };
    let many = sentence(name);
    let one = many.strip_suffix('s').unwrap_or(&many);
    Some(format!("{words}{separator}\n  \"entity_{name}\": \"{one}\",\n  \"entities_{name}\": \"{many}\"\n}}\n"))
}

/// `safety_visits` as `Safety visits`.
fn sentence(name: &str) -> String {
    let text = name.replace('_', " ");
    text[..1].to_uppercase() + &text[1..]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A copy of the folders in which a table is made.
    struct Copy(PathBuf);

    impl Copy {
        fn new(name: &str) -> Copy {
            let folder = paths::target().join("tests/new_table").join(format!("{name}-{}", std::process::id()));
            for part in [SERVER, CLIENT, ENTRIES, WORDS] {
                fs::create_dir_all(folder.join(part)).expect("a folder");
                for file in names_in(&paths::root().join(part)).expect("the workspace") {
                    let from = paths::root().join(part).join(&file);
                    if from.is_file() {
                        fs::copy(from, folder.join(part).join(file)).expect("a copy");
                    }
                }
            }
            Copy(folder)
        }

        fn texts(&self) -> BTreeMap<PathBuf, String> {
            let mut texts = BTreeMap::new();
            for part in [SERVER, CLIENT, ENTRIES, WORDS] {
                for file in names_in(&self.0.join(part)).expect("the copy") {
                    let path = PathBuf::from(part).join(file);
                    texts.insert(path.clone(), read(&self.0.join(path)).expect("a text"));
                }
            }
            texts
        }
    }

    impl Drop for Copy {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_table_has_seven_files_and_no_other_changes() {
        let copy = Copy::new("seven");
        let before = copy.texts();
        let mut files = write(&copy.0, "visitors").expect("a new table");
        files.sort();
        let after = copy.texts();
        let changed: Vec<PathBuf> =
            after.iter().filter(|(path, text)| before.get(*path) != Some(text)).map(|(path, _)| path.clone()).collect();
        assert_eq!(files, changed);
        assert_eq!(changed.len(), 7, "{changed:?}");
        let list = &after[&PathBuf::from(ENTRIES).join("mod.rs")];
        assert!(list.contains("mod visitors;") && list.contains("    &visitors::VISITORS,\n];"), "{list}");
        assert!(
            after[&PathBuf::from(WORDS).join("en.json")]
                .ends_with("  \"entity_visitors\": \"Visitor\",\n  \"entities_visitors\": \"Visitors\"\n}\n")
        );
    }

    #[test]
    fn the_next_table_has_other_numbers() {
        let copy = Copy::new("next");
        let first = write(&copy.0, "visitors").expect("a new table");
        let second = write(&copy.0, "vans").expect("another new table");
        let code = |name: &str| {
            let text = read(&copy.0.join(ENTRIES).join(format!("{name}.rs"))).expect("an entry");
            text.lines().find(|line| line.contains("code: ")).map(str::to_owned)
        };
        assert_ne!(code("visitors"), code("vans"));
        assert!(first[..2].iter().all(|file| !second.contains(file)));
        assert_eq!(
            next_server_migration(&copy.0.join(SERVER)),
            Ok(next_server_migration(&paths::root().join(SERVER)).expect("a number") + 2)
        );
    }

    #[test]
    fn a_bad_or_taken_name_changes_nothing() {
        let copy = Copy::new("bad");
        let before = copy.texts();
        let long = "v".repeat(NAME_MAX + 1);
        for name in ["", "Visitors", "1st", "visi tors", "../visitors", "посетители", long.as_str(), "stations"] {
            assert!(write(&copy.0, name).is_err(), "{name}");
        }
        assert_eq!(before, copy.texts());
    }
}
