//! Conditions of a list as SQL. Names come from the registry and values are bound: nothing that a caller writes becomes SQL.

use std::sync::LazyLock;

use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;
use waystation_model::letters::{folded, folded_letters};
use waystation_model::records::{Comparison, Condition};
use waystation_model::registry::{Column, Entity, Kind, check_value, read_timestamp_ms};
use waystation_model::sql::wire_expression;
use waystation_model::{Code, Problem};

/// Conditions of one list.
pub const CONDITIONS_MAX: usize = 20;
/// Values of one `one_of` condition.
const CHOICES_MAX: usize = 500;
/// Characters of a text that is searched for.
const SEARCH_LENGTH_MAX: usize = 200;

/// Letters that differ from their folded form, and these forms.
static FOLDED_LETTERS: LazyLock<(String, String)> = LazyLock::new(folded_letters);

/// A column of a row `t` that a list can be filtered or sorted by.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// The column's name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    column: Option<&'static Column>,
}

/// Finds a column by name: one of the table, `id`, `created_at` or `updated_at`.
///
/// # Errors
/// `unknown_column`, also for columns that only the server has.
pub fn subject(entity: &'static Entity, name: &str) -> Result<Subject, Problem> {
    let always = [("id", Kind::Uuid), ("created_at", Kind::Timestamp), ("updated_at", Kind::Timestamp)];
    if let Some((name, kind)) = always.into_iter().find(|(known, _)| *known == name) {
        return Ok(Subject { name, kind, column: None });
    }
    let column = entity.column(name);
    let unknown = || Problem::new(Code::UnknownColumn, format!("{} has no column {name}", entity.name)).field(name);
    column.map(|column| Subject { name: column.name, kind: column.kind, column: Some(column) }).ok_or_else(unknown)
}

impl Subject {
    /// The value as text of a query, such as `?status=active`, as a value of this column.
    ///
    /// # Errors
    /// `bad_value`.
    pub fn parse(&self, text: &str) -> Result<Value, Problem> {
        let parsed = match self.kind {
            Kind::Bool | Kind::Int | Kind::Float | Kind::Timestamp => {
                serde_json::from_str(text).map_err(|_| self.bad("is no such value"))?
            }
            _ => Value::from(text),
        };
        self.check(&parsed).map(|()| parsed)
    }

    fn bad(&self, why: &str) -> Problem {
        Problem::new(Code::BadValue, format!("{}: {why}", self.name)).field(self.name)
    }

    fn check(&self, value: &Value) -> Result<(), Problem> {
        let fits = match self.column {
            Some(column) => check_value(column, value).map_err(|why| self.bad(why)),
            None if self.kind == Kind::Timestamp => read_timestamp_ms(value).map(|_| ()).ok_or_else(|| self.bad("is no time")),
            None => value.as_str().and_then(|text| Uuid::parse_str(text).ok()).map(|_| ()).ok_or_else(|| self.bad("is no id")),
        };
        if self.kind == Kind::Json { Err(self.bad("is compared only with `empty` and `filled`")) } else { fits }
    }

    /// The column in its wire form, whose precision is that of the values in a condition.
    fn push_sql(&self, query: &mut QueryBuilder<Postgres>) {
        match self.kind {
            Kind::Timestamp => query.push(wire_expression("t", self.name, self.kind)),
            _ => query.push(format_args!("t.{}", self.name)),
        };
    }

    fn push_value(&self, query: &mut QueryBuilder<Postgres>, value: &Value) -> Result<(), Problem> {
        if value.is_null() {
            return Err(self.bad("null is compared only with `is` and `is_not`"));
        }
        self.check(value)?;
        let text = value.as_str().unwrap_or_default().to_owned();
        match self.kind {
            Kind::Uuid => query.push_bind(Uuid::parse_str(&text).map_err(|_| self.bad("is no id"))?),
            Kind::Bool => query.push_bind(value.as_bool()),
            Kind::Int | Kind::Timestamp => query.push_bind(value.as_i64()),
            Kind::Float => query.push_bind(value.as_f64()),
            Kind::Date => query.push_bind(text).push("::date"),
            Kind::Time => query.push_bind(text).push("::time"),
            Kind::Text | Kind::Choice(_) | Kind::Json => query.push_bind(text),
        };
        Ok(())
    }

    fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Choice(_))
    }
}

/// Appends ` AND …` for each condition.
///
/// # Errors
/// `unknown_column`, `bad_value` with the column as its field, `bad_request` for too many conditions.
pub fn push_conditions(query: &mut QueryBuilder<Postgres>, entity: &'static Entity, conditions: &[Condition]) -> Result<(), Problem> {
    if conditions.len() > CONDITIONS_MAX {
        return Err(Problem::new(Code::BadRequest, format!("at most {CONDITIONS_MAX} conditions")).field("filter"));
    }
    for condition in conditions {
        let subject = subject(entity, &condition.column)?;
        query.push(" AND ");
        push_condition(query, &subject, condition.comparison, &condition.value)?;
    }
    Ok(())
}

fn push_condition(query: &mut QueryBuilder<Postgres>, subject: &Subject, comparison: Comparison, value: &Value) -> Result<(), Problem> {
    match comparison {
        Comparison::Empty | Comparison::Filled => {
            let is_empty = comparison == Comparison::Empty;
            query.push(match (subject.is_text(), is_empty) {
                (true, true) => format!("coalesce(t.{}, '') = ''", subject.name),
                (true, false) => format!("coalesce(t.{}, '') <> ''", subject.name),
                (false, true) => format!("t.{} IS NULL", subject.name),
                (false, false) => format!("t.{} IS NOT NULL", subject.name),
            });
        }
        Comparison::Is | Comparison::IsNot if value.is_null() => {
            query.push(format_args!("t.{} IS {}NULL", subject.name, if comparison == Comparison::Is { "" } else { "NOT " }));
        }
        Comparison::Is => push_compared(query, subject, " = ", value)?,
        Comparison::IsNot => push_compared(query, subject, " IS DISTINCT FROM ", value)?,
        Comparison::OneOf => push_one_of(query, subject, value)?,
        Comparison::Contains | Comparison::StartsWith => push_search(query, subject, comparison, value)?,
        Comparison::Less | Comparison::AtMost | Comparison::Greater | Comparison::AtLeast => {
            if value.is_null() || matches!(subject.kind, Kind::Uuid | Kind::Bool | Kind::Choice(_)) {
                return Err(subject.bad("is not compared so"));
            }
            let sign = match comparison {
                Comparison::Less => " < ",
                Comparison::AtMost => " <= ",
                Comparison::Greater => " > ",
                _ => " >= ",
            };
            push_compared(query, subject, sign, value)?;
        }
    }
    Ok(())
}

fn push_compared(query: &mut QueryBuilder<Postgres>, subject: &Subject, sign: &str, value: &Value) -> Result<(), Problem> {
    subject.push_sql(query);
    query.push(sign);
    subject.push_value(query, value)
}

fn push_one_of(query: &mut QueryBuilder<Postgres>, subject: &Subject, value: &Value) -> Result<(), Problem> {
    let values = value.as_array().ok_or_else(|| subject.bad("needs a list"))?;
    if values.is_empty() || values.len() > CHOICES_MAX {
        return Err(subject.bad("needs 1 to 500 values"));
    }
    subject.push_sql(query);
    for (index, value) in values.iter().enumerate() {
        query.push(if index == 0 { " IN (" } else { ", " });
        subject.push_value(query, value)?;
    }
    query.push(")");
    Ok(())
}

/// Text that contains or begins with another one, whatever the case and the marks of its letters.
fn push_search(query: &mut QueryBuilder<Postgres>, subject: &Subject, comparison: Comparison, value: &Value) -> Result<(), Problem> {
    let text = value.as_str().filter(|text| !text.contains('\0')).ok_or_else(|| subject.bad("needs a text"))?;
    if !subject.is_text() {
        return Err(subject.bad("is no text"));
    }
    if text.chars().count() > SEARCH_LENGTH_MAX {
        return Err(subject.bad("is searched for too long a text"));
    }
    let (from, to) = &*FOLDED_LETTERS;
    let function = if comparison == Comparison::Contains { "strpos" } else { "starts_with" };
    query.push(format_args!("{function}(translate(lower(coalesce(t.{}, '')), ", subject.name));
    query.push_bind(from.as_str()).push(", ").push_bind(to.as_str()).push("), ").push_bind(folded(text)).push(")");
    if comparison == Comparison::Contains {
        query.push(" > 0");
    }
    Ok(())
}
