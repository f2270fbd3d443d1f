//! Prints the generated section of `docs/DOMAIN.md`: for each table its scopes, who may write it, what the
//! database checks of it, and how each column merges.
//! Given a file, it prints that file with the section between its markers replaced.

use std::process::ExitCode;

use waystation_model::access::{Rules, Who};
use waystation_model::registry::{
    AccessRule, Check, Column, Deletion, Entity, Format, IdRule, Kind, Merge, OnDelete, Range, Rule, ScopeRule, Target, Unique, When, all,
    deletion,
};

/// The line that begins the section.
pub const BEGIN: &str = "<!-- generated: tables -->";
/// The line that ends it.
pub const END: &str = "<!-- end of generated: tables -->";

#[allow(dead_code, reason = "the test that reads this file has a main of its own")]
fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        print!("{}", section());
        return ExitCode::SUCCESS;
    };
    let renewed = std::fs::read_to_string(&file).map_err(|error| error.to_string()).and_then(|document| renewed(&document));
    match renewed {
        Ok(document) => {
            print!("{document}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{file}: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The document with its section replaced.
///
/// # Errors
/// When it has no such section.
pub fn renewed(document: &str) -> Result<String, String> {
    let document = document.replace("\r\n", "\n");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(|| format!("there is no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("there is no line {END}"))?;
    Ok(format!("{before}{}{}", section(), after.strip_prefix('\n').unwrap_or(after)))
}

/// The whole section, its markers included.
pub fn section() -> String {
    let tables: Vec<String> = all().iter().map(|entity| table(entity)).collect();
    format!("{BEGIN}\n\n{}\n{END}\n", tables.join("\n"))
}

fn table(entity: &Entity) -> String {
    let mut lines = vec![
        format!("### {}", entity.name),
        String::new(),
        format!("- **Id**: {}", id(entity.id)),
        format!("- **Lives in**: {}", list(entity.scopes.iter().map(scope), "; ")),
        format!("- **May write**: {}", rules(entity.write, "; ")),
        format!("- **May delete**: {}", if entity.delete.is_empty() { "nobody".to_owned() } else { rules(entity.delete, "; ") }),
    ];
    lines.extend(of_deletion(entity));
    if !entity.access.is_empty() {
        lines.push(format!("- **Decides the subscriptions of**: {}", list(entity.access.iter().map(access), "; ")));
    }
    if !entity.constraints.unique.is_empty() {
        lines.push(format!("- **Unique**: {}", list(entity.constraints.unique.iter().map(unique), "; ")));
    }
    if !entity.constraints.checks.is_empty() {
        lines.push(format!("- **Checked**: {}", list(entity.constraints.checks.iter().map(check), "; ")));
    }
    lines.extend(entity.record.never_held.map(|why| format!("- **Changes are never held**: {why}")));
    lines.extend(entity.record.never_offered.map(|why| format!("- **Rows are never offered**: {why}")));
    lines.extend([String::new(), "| column | holds | merges |".to_owned(), "|---|---|---|".to_owned()]);
    lines.extend(entity.columns.iter().map(|column| format!("| `{}` | {} | {} |", column.name, holds(column), merges(column))));
    lines.join("\n") + "\n"
}

fn list(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

fn names(columns: &[&str], last: &str) -> String {
    match columns {
        [one] => format!("`{one}`"),
        [others @ .., end] => format!("{} {last} `{end}`", list(others.iter().map(|name| format!("`{name}`")), ", ")),
        [] => String::new(),
    }
}

fn unique(unique: &Unique) -> String {
    let columns = names(unique.columns, "and");
    let place = if unique.within_organization { "in the organization" } else { "everywhere" };
    let case = if unique.ignores_case { ", upper and lower case are equal" } else { "" };
    let nulls = if unique.nulls_equal { ", also when empty" } else { "" };
    let when = unique.when.map(|when| format!(" while {}", condition(when))).unwrap_or_default();
    format!("{columns} {place}{case}{nulls}{when}")
}

fn check(check: &Check) -> String {
    let completed = if check.is_completed { " (the server completes the row)" } else { "" };
    format!("{}{completed}", list(check.rules.iter().map(checked), " and "))
}

fn checked(rule: &Rule) -> String {
    match *rule {
        Rule::ExactlyOne(columns) => format!("exactly one of {} is set", names(columns, "and")),
        Rule::AtMostOne(columns) => format!("at most one of {} is set", names(columns, "and")),
        Rule::SomeSet(columns) => format!("{} is set", names(columns, "or")),
        Rule::SomeText(columns) => format!("{} is not empty", names(columns, "or")),
        Rule::AllOrNone(columns) => format!("{} are set together", names(columns, "and")),
        Rule::Needs(column, other) => format!("`{column}` needs `{other}`"),
        Rule::NotBefore(later, earlier) => format!("`{later}` is not before `{earlier}`"),
        Rule::After(later, earlier) => format!("`{later}` is after `{earlier}`"),
        Rule::SetFor(column, words, wanted) => format!("`{column}` is set while `{words}` is {}", names(wanted, "or")),
        Rule::Differ(one, other) => format!("`{one}` is not `{other}`"),
        Rule::NullWhile(column, when) => format!("`{column}` is empty exactly while {}", condition(when)),
        Rule::Implies(one, other) => format!("while {}, {}", condition(one), condition(other)),
    }
}

fn condition(when: When) -> String {
    match when {
        When::Equals(column, word) => format!("`{column}` is `{word}`"),
        When::Differs(column, word) => format!("`{column}` is not `{word}`"),
        When::True(column) => format!("`{column}`"),
        When::False(column) => format!("not `{column}`"),
        When::Null(column) => format!("`{column}` is empty"),
    }
}

fn id(rule: IdRule) -> String {
    match rule {
        IdRule::Generated => "made with the row".to_owned(),
        IdRule::Derived(keys) => format!("derived from {}", list(keys.iter().map(|key| format!("`{key}`")), ", ")),
    }
}

fn scope(rule: &ScopeRule) -> String {
    let name = format!("`{}:<{}>`", rule.kind.word(), rule.column);
    match rule.when {
        None => name,
        Some(when) => format!("{name} while {}", condition(when)),
    }
}

fn rules(rules: Rules, between: &str) -> String {
    if rules.is_empty() {
        return "the server alone".to_owned();
    }
    let rule = |rule: &&[Who]| match rule {
        // Push has separate rules for such a table.
        [] => "anybody, under the rules that `PROTOCOL.md` has for this table".to_owned(),
        rule => format!("who {}", list(rule.iter().map(who), " and ")),
    };
    list(rules.iter().map(rule), between)
}

fn who(who: &Who) -> String {
    match who {
        Who::Is(column) => format!("is `{column}`"),
        Who::Subscribes(kind, column) => format!("subscribes to `{}:<{column}>`", kind.word()),
        Who::Has(role) => format!("has the role `{}`", role.word()),
        Who::Staff => "works here".to_owned(),
        Who::Empty(column) => format!("leaves `{column}` empty"),
        Who::Equals(column, word) => format!("has `{column}` be `{word}`"),
    }
}

/// What deleting a row does to other rows. Empty for tables whose rows laptops never delete.
fn of_deletion(entity: &Entity) -> Vec<String> {
    if entity.delete.is_empty() {
        return Vec::new();
    }
    let Deletion { deletes, empties, refused_by } = deletion(entity.name);
    let tables = |tables: &[&str]| list(tables.iter().map(|table| format!("`{table}`")), ", ");
    let columns = |columns: &[(&str, &str)]| list(columns.iter().map(|(table, column)| format!("`{table}.{column}`")), ", ");
    let mut lines = Vec::new();
    if !deletes.is_empty() {
        lines.push(format!("- **Deleting one deletes**: its {}", tables(&deletes)));
    }
    if !empties.is_empty() {
        lines.push(format!("- **Deleting one empties**: {}", columns(&empties)));
    }
    if !refused_by.is_empty() {
        lines.push(format!(
            "- **Deleting one is refused** (`in_use`) while it, or what goes with it, is named by: {}",
            columns(&refused_by)
        ));
    }
    lines
}

fn access(rule: &AccessRule) -> String {
    match rule {
        AccessRule::User(column) => format!("the user `{column}`"),
        AccessRule::Administrators => "every administrator".to_owned(),
        AccessRule::Everybody => "everybody".to_owned(),
        AccessRule::Through { table, link, when } => format!("the users of `{table}` whose `{link}` it is, when `{when}` changes"),
    }
}

fn holds(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Uuid => "id".to_owned(),
        Kind::Text => format!("text, {} characters", column.length_max),
        Kind::Choice(words) => list(words.iter().map(|word| format!("`{word}`")), " "),
        Kind::Bool => "true or false".to_owned(),
        Kind::Int => "whole number".to_owned(),
        Kind::Float => "number".to_owned(),
        Kind::Date => "date".to_owned(),
        Kind::Time => "time of day".to_owned(),
        Kind::Timestamp => "moment".to_owned(),
        Kind::Json => format!("JSON, {} bytes", column.length_max),
    };
    let empty = if column.nullable { "; may be empty" } else { "" };
    let needed = if column.is_needed() { "; **needed**" } else { "" };
    let default = column.default_value();
    let default = if default.is_null() { String::new() } else { format!("; at first `{default}`") };
    let by_others =
        column.default_by_others.map(|(person, json)| format!(", `{json}` when not `{person}` makes the row")).unwrap_or_default();
    format!("{kind}{}{}{empty}{needed}{default}{by_others}", limits(column), points_at(column))
}

fn limits(column: &Column) -> String {
    let range = column.range.map(|Range { least, most }| match most {
        Some(most) => format!(", {least} to {most}"),
        None => format!(", at least {least}"),
    });
    let format = column.format.map(|format| match format {
        Format::Currency => ", a currency of ISO 4217",
        Format::Email => ", an e-mail address",
        Format::Sha256 => ", a SHA-256",
        Format::TimeZone => ", an IANA time zone",
        Format::Stamp => ", a stamp",
        Format::TableName => ", a table",
        Format::NotEmpty => ", not empty",
        Format::Object => ", an object",
        Format::List => ", a list",
        Format::Weekdays => ", a list of the numbers 1 to 7",
    });
    format!("{}{}", range.unwrap_or_default(), format.unwrap_or_default())
}

fn points_at(column: &Column) -> String {
    let Some(reference) = column.references else { return String::new() };
    let table = match reference.target {
        Target::Table(table) if all().iter().any(|entity| entity.name == table) => format!("`{table}`"),
        Target::Table(table) => format!("`{table}` (later)"),
        Target::TableIn(column) => format!("the table in `{column}`"),
    };
    let same = if reference.same.is_empty() {
        String::new()
    } else {
        format!(" of the same {}", list(reference.same.iter().map(|name| format!("`{name}`")), ", "))
    };
    let on_delete = match reference.on_delete {
        OnDelete::Restrict => "restrict",
        OnDelete::Cascade => "cascade",
        OnDelete::SetNull => "set null",
        OnDelete::Keep => "keep",
    };
    format!(" → {table}{same}, {on_delete}")
}

fn merges(column: &Column) -> String {
    let rule = match column.merge {
        Merge::Key => "key",
        Merge::Carried => "carried",
        Merge::Latest => "latest",
        Merge::LatestQuiet => "latest, quiet",
        Merge::Furthest => "furthest",
        Merge::Reset => "reset",
        Merge::Earliest => "earliest",
        Merge::Sum => "sum",
        Merge::Once => "once",
        Merge::Ask => "ask",
        Merge::Server => "server",
    };
    let group = column.group.map(|group| format!(", in *{group}*")).unwrap_or_default();
    let by = column.by.map(|by| format!("; only {}", rules(by, " or "))).unwrap_or_default();
    let author = if column.names_author { "; names the author of the change" } else { "" };
    format!("{rule}{group}{author}{by}")
}
