//! Conditions, sorting and search of a list as SQL. Names come from the registry and values are bound: nothing that a caller
//! writes becomes SQL.

use rusqlite::types::Value as Stored;
use serde_json::Value;
use waystation_model::letters::folded;
use waystation_model::registry::{Column, Entity, Kind, check_value};
use waystation_model::{Code, Problem};

use super::label;
use crate::store::letters::{COLLATION, FOLD};
use crate::store::value::to_stored;
use crate::view_models::{Comparison, Condition, SortBy};

/// Conditions of one list.
pub const CONDITIONS_MAX: usize = 20;
/// Columns that a list is sorted by.
pub const SORTS_MAX: usize = 3;
/// Values of one "one of" condition.
pub const CHOICES_MAX: usize = 500;
/// Characters of a search.
pub const SEARCH_LENGTH_MAX: usize = 200;

/// Part of a WHERE with its values, each bound as `?`.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// SQL parts that must all hold.
    pub parts: Vec<String>,
    /// Their values in order.
    pub values: Vec<Stored>,
    /// Tables that the parts read beside the list's own.
    pub tables: Vec<&'static str>,
}

/// What a condition or a sort order is about.
pub struct Subject {
    /// SQL for the value of the row `t`.
    pub sql: String,
    /// What kind of value it is.
    pub kind: Kind,
    /// Whether it is a reference, shown by its label.
    pub refers_to: Option<&'static Entity>,
    column: Option<&'static Column>,
    tables: Vec<&'static str>,
}

/// Finds what a path names: a column, `id`, `created_at`, `updated_at`, or a column of the row that a reference names.
///
/// # Errors
/// `unknown_column`.
pub fn subject(entity: &'static Entity, path: &str) -> Result<Subject, Problem> {
    let unknown = || Problem::new(Code::UnknownColumn, format!("{} has no column {path}", entity.name)).field(path);
    if let Some((reference, name)) = path.split_once('.') {
        let target = entity.column(reference).and_then(Column::referred).ok_or_else(unknown)?;
        let inner = own(target, name, "r").ok_or_else(unknown)?;
        let sql = format!("(SELECT {} FROM {} r WHERE r.id = t.{reference})", inner.sql, target.name);
        return Ok(Subject { sql, tables: vec![target.name], refers_to: None, ..inner });
    }
    own(entity, path, "t").ok_or_else(unknown)
}

fn own(entity: &'static Entity, name: &str, alias: &str) -> Option<Subject> {
    let plain = |name: &str, kind| Subject { sql: format!("{alias}.{name}"), kind, refers_to: None, column: None, tables: Vec::new() };
    match name {
        "id" => Some(plain("id", Kind::Uuid)),
        "created_at" | "updated_at" => Some(plain(name, Kind::Timestamp)),
        _ => {
            let column = entity.column(name)?;
            let refers_to = column.referred();
            Some(Subject { refers_to, column: Some(column), ..plain(column.name, column.kind) })
        }
    }
}

/// The SQL of all conditions and the search.
///
/// # Errors
/// `unknown_column`, `bad_value` with the path as its field.
pub fn filter(entity: &'static Entity, conditions: &[Condition], search: &str) -> Result<Filter, Problem> {
    if conditions.len() > CONDITIONS_MAX {
        return Err(Problem::new(Code::BadRequest, format!("at most {CONDITIONS_MAX} conditions")));
    }
    let mut filter = Filter::default();
    for condition in conditions {
        filter.add(entity, condition)?;
    }
    filter.search(entity, search)?;
    Ok(filter)
}

impl Filter {
    fn add(&mut self, entity: &'static Entity, condition: &Condition) -> Result<(), Problem> {
        let subject = subject(entity, &condition.column)?;
        self.tables.extend(&subject.tables);
        let sql = &subject.sql;
        let bad = |why: &str| Problem::new(Code::BadValue, format!("{}: {why}", condition.column)).field(&condition.column);
        let is_text = matches!(subject.kind, Kind::Text | Kind::Choice(_));
        let part = match condition.comparison {
            Comparison::Empty if is_text => format!("coalesce({sql}, '') = ''"),
            Comparison::Filled if is_text => format!("coalesce({sql}, '') <> ''"),
            Comparison::Empty => format!("{sql} IS NULL"),
            Comparison::Filled => format!("{sql} IS NOT NULL"),
            Comparison::Contains | Comparison::StartsWith => {
                let text = condition.value.as_str().ok_or_else(|| bad("needs a text"))?;
                let found = match (subject.refers_to, subject.column) {
                    (Some(target), Some(column)) => {
                        self.tables.extend(tables_of_label(target));
                        label::referred_sql(column, target, "t")
                    }
                    _ if is_text => sql.clone(),
                    _ => return Err(bad("is no text")),
                };
                self.values.push(Stored::Text(folded(text)));
                let holds = if condition.comparison == Comparison::Contains { "> 0" } else { "= 1" };
                format!("instr({FOLD}(coalesce({found}, '')), ?) {holds}")
            }
            Comparison::OneOf => {
                let values = condition.value.as_array().ok_or_else(|| bad("needs a list"))?;
                if values.len() > CHOICES_MAX {
                    return Err(bad("has too many values"));
                }
                for value in values {
                    self.values.push(subject.value(value).map_err(|why| bad(&why))?);
                }
                format!("{sql} IN ({})", vec!["?"; values.len()].join(", "))
            }
            Comparison::Is | Comparison::IsNot => {
                self.values.push(subject.value(&condition.value).map_err(|why| bad(&why))?);
                format!("{sql} {} ?", if condition.comparison == Comparison::Is { "IS" } else { "IS NOT" })
            }
            Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast => {
                if condition.value.is_null() || matches!(subject.kind, Kind::Uuid | Kind::Json | Kind::Bool) {
                    return Err(bad("is not compared so"));
                }
                self.values.push(subject.value(&condition.value).map_err(|why| bad(&why))?);
                let sign = match condition.comparison {
                    Comparison::Less => "<",
                    Comparison::AtMost => "<=",
                    Comparison::Greater => ">",
                    _ => ">=",
                };
                format!("{sql} {sign} ?{}", collate(subject.kind))
            }
        };
        self.parts.push(part);
        Ok(())
    }

    /// Every word of the search has to stand in one of the columns that are searched.
    fn search(&mut self, entity: &'static Entity, search: &str) -> Result<(), Problem> {
        if search.chars().count() > SEARCH_LENGTH_MAX {
            return Err(Problem::new(Code::BadRequest, format!("a search of more than {SEARCH_LENGTH_MAX} characters")));
        }
        let columns: Vec<String> = searched(entity)
            .map(|column| match column.referred() {
                Some(target) => {
                    self.tables.extend(tables_of_label(target));
                    format!("coalesce({}, '')", label::referred_sql(column, target, "t"))
                }
                None => format!("coalesce(t.{}, '')", column.name),
            })
            .collect();
        let found = format!("{FOLD}({})", columns.join(" || ' ' || "));
        for word in search.split_whitespace() {
            self.parts.push(format!("instr({found}, ?) > 0"));
            self.values.push(Stored::Text(folded(word)));
        }
        Ok(())
    }
}

impl Subject {
    fn value(&self, value: &Value) -> Result<Stored, String> {
        if value.is_null() {
            return Ok(Stored::Null);
        }
        let checked = match self.column {
            // A column that may not be empty is still asked for, and no value of a condition is too long.
            Some(column) => check_value(&Column { length_max: usize::MAX, ..*column }, value).map_err(str::to_owned),
            None if self.kind == Kind::Timestamp => value.as_i64().map(|_| ()).ok_or_else(|| "is no moment".to_owned()),
            None => value.as_str().map(|_| ()).ok_or_else(|| "is no id".to_owned()),
        };
        checked.map(|()| to_stored(self.kind, value))
    }
}

/// The columns that a search looks through: those of the label and those that the entry adds.
pub fn searched(entity: &'static Entity) -> impl Iterator<Item = &'static Column> {
    let record = &entity.record;
    let names = record.label.columns().iter().chain(record.search.iter().filter(|name| !record.label.columns().contains(name)));
    names.filter_map(|name| entity.column(name)).filter(|column| column.kind == Kind::Text || column.referred().is_some())
}

/// The tables from which a row of this table is named.
pub fn tables_of_label(entity: &'static Entity) -> Vec<&'static str> {
    let mut tables = vec![entity.name];
    tables.extend(entity.record.named_in.iter().map(|named| named.table));
    for column in entity.record.label.columns().iter().filter_map(|name| entity.column(name)) {
        tables.extend(column.referred().map(tables_of_label).unwrap_or_default());
    }
    tables
}

/// How text is compared and sorted.
fn collate(kind: Kind) -> String {
    if matches!(kind, Kind::Text) { format!(" COLLATE {COLLATION}") } else { String::new() }
}

/// One term of the order: what is sorted by, and which way.
pub struct Term {
    /// SQL for the value, with its collation.
    pub sql: String,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// The terms of an order; the id is the last, so that no two rows are equal. Without one, a row's label sorts.
///
/// # Errors
/// `unknown_column`.
pub fn order(entity: &'static Entity, sort: &[SortBy], tables: &mut Vec<&'static str>) -> Result<Vec<Term>, Problem> {
    if sort.len() > SORTS_MAX {
        return Err(Problem::new(Code::BadRequest, format!("sorted by at most {SORTS_MAX} columns")));
    }
    let mut terms = Vec::new();
    for by in sort {
        let subject = subject(entity, &by.column)?;
        tables.extend(&subject.tables);
        let sql = match (subject.refers_to, subject.column) {
            (Some(target), Some(column)) => {
                tables.extend(tables_of_label(target));
                format!("{} COLLATE {COLLATION}", label::referred_sql(column, target, "t"))
            }
            _ => format!("{}{}", subject.sql, collate(subject.kind)),
        };
        terms.push(Term { sql, descending: by.descending });
    }
    if terms.is_empty() {
        if entity.column("position").is_some_and(|column| column.kind == Kind::Int) {
            terms.push(Term { sql: "t.position".to_owned(), descending: false });
        }
        tables.extend(tables_of_label(entity));
        terms.push(Term { sql: format!("{} COLLATE {COLLATION}", label::sql(entity, "t")), descending: false });
    }
    terms.push(Term { sql: "t.id".to_owned(), descending: false });
    Ok(terms)
}
