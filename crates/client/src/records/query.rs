//! A page of a list: filtered, sorted, and read on from where the page before it ended.

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value, json};
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use super::filter::{Filter, Term, filter, order, tables_of_label};
use super::label::Labels;
use crate::error::Result;
use crate::store::rows;
use crate::view_models::{RecordPage, RecordRow, RecordsQuery};

/// Rows of one page.
pub const PAGE_ROWS_MAX: u32 = 500;

/// One page of a table's rows.
///
/// # Errors
/// `unknown_column`, `bad_value`, `bad_request` for a cursor of another list.
pub fn page(connection: &Connection, entity: &'static Entity, query: &RecordsQuery) -> Result<RecordPage> {
    let filter = filter(entity, &query.filter, &query.search)?;
    let mut tables = vec![entity.name];
    tables.extend(&filter.tables);
    let terms = order(entity, &query.sort, &mut tables)?;
    let after = query.after.as_deref().map(|text| read_cursor(text, terms.len())).transpose()?;
    let limit = query.limit.clamp(1, PAGE_ROWS_MAX) as usize;
    let mut keys = keys(connection, entity, &filter, &terms, after.as_deref(), limit + 1)?;
    let has_more = keys.len() > limit;
    keys.truncate(limit);
    let next = if has_more { keys.last().map(|key| write_cursor(&key.values)) } else { None };
    let total = if after.is_none() { Some(count(connection, entity, &filter)?) } else { None };
    let mut labels = Labels::default();
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.extend(row(connection, entity, &key.id, &mut labels)?);
    }
    for column in entity.columns {
        tables.extend(column.referred().map(tables_of_label).unwrap_or_default());
    }
    tables.sort_unstable();
    tables.dedup();
    Ok(RecordPage { rows: found, next, total, tables: tables.into_iter().map(str::to_owned).collect() })
}

/// The ids of every row that a list shows, in its order, at most `limit` of them.
///
/// # Errors
/// As for [`page`].
pub fn ids(connection: &Connection, entity: &'static Entity, query: &RecordsQuery, limit: usize) -> Result<Vec<String>> {
    let filter = filter(entity, &query.filter, &query.search)?;
    let terms = order(entity, &query.sort, &mut Vec::new())?;
    Ok(keys(connection, entity, &filter, &terms, None, limit)?.into_iter().map(|key| key.id).collect())
}

/// One row as a list shows it.
///
/// # Errors
/// When the database fails.
pub fn row(connection: &Connection, entity: &'static Entity, id: &str, labels: &mut Labels) -> Result<Option<RecordRow>> {
    let Some(row) = rows::read(connection, entity, id)? else { return Ok(None) };
    let mut named = Vec::new();
    for (column, value) in entity.columns.iter().zip(&row.values) {
        named.push(match (column.referred(), value.as_str()) {
            (Some(target), Some(id)) => labels.of(connection, target, id)?,
            _ => None,
        });
    }
    let label = labels.of(connection, entity, id)?.unwrap_or_default();
    let unsent: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT n FROM outbox WHERE row_id = ?1 AND entity = ?2 AND state < 3)")?
        .query_row([id, entity.name], |row| row.get(0))?;
    let refused: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT number FROM attention WHERE row_id = ?1 AND entity = ?2)")?
        .query_row([id, entity.name], |row| row.get(0))?;
    Ok(Some(RecordRow { id: id.to_owned(), label, values: row.values, labels: named, updated_at: row.updated_at, unsent, refused }))
}

/// A row's id and what it is sorted by.
struct Key {
    id: String,
    values: Vec<Stored>,
}

fn keys(
    connection: &Connection,
    entity: &Entity,
    filter: &Filter,
    terms: &[Term],
    after: Option<&[Stored]>,
    limit: usize,
) -> Result<Vec<Key>> {
    let mut parts = filter.parts.clone();
    let mut values = filter.values.clone();
    if let Some(after) = after {
        parts.push(beyond(terms, after, &mut values));
    }
    let select: Vec<&str> = terms.iter().map(|term| term.sql.as_str()).collect();
    let by: Vec<String> = terms.iter().map(|term| format!("{}{}", term.sql, if term.descending { " DESC" } else { "" })).collect();
    let sql = format!("SELECT {} FROM {} t{} ORDER BY {} LIMIT {limit}", select.join(", "), entity.name, clause(&parts), by.join(", "));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..terms.len())
            .map(|place| {
                Stored::try_from(row.get_ref(place)?)
                    .map_err(|error| rusqlite::Error::FromSqlConversionFailure(place, rusqlite::types::Type::Null, Box::new(error)))
            })
            .collect::<rusqlite::Result<Vec<Stored>>>()?;
        let id = match row.get_ref(terms.len() - 1)? {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => continue,
        };
        keys.push(Key { id, values });
    }
    Ok(keys)
}

fn count(connection: &Connection, entity: &Entity, filter: &Filter) -> Result<u32> {
    let sql = format!("SELECT count(t.id) FROM {} t{}", entity.name, clause(&filter.parts));
    Ok(connection.prepare_cached(&sql)?.query_row(params_from_iter(filter.values.clone()), |row| row.get(0))?)
}

fn clause(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
}

/// SQL for "comes after these values". SQLite puts nulls before everything else, and after it in descending order.
fn beyond(terms: &[Term], after: &[Stored], values: &mut Vec<Stored>) -> String {
    let mut ways = Vec::new();
    for (place, term) in terms.iter().enumerate() {
        let sql = &term.sql;
        let is_null = after[place] == Stored::Null;
        let way = match (term.descending, is_null) {
            (true, true) => continue,
            (false, true) => format!("{sql} IS NOT NULL"),
            (true, false) => format!("({sql} < ? OR {sql} IS NULL)"),
            (false, false) => format!("{sql} > ?"),
        };
        let equal: Vec<String> = terms[..place].iter().map(|term| format!("{} IS ? AND ", term.sql)).collect();
        ways.push(format!("({}{way})", equal.concat()));
        values.extend(after[..place].iter().cloned());
        values.extend((!is_null).then(|| after[place].clone()));
    }
    format!("({})", ways.join(" OR "))
}

fn write_cursor(values: &[Stored]) -> String {
    let values: Vec<Value> = values
        .iter()
        .map(|value| match value {
            Stored::Null | Stored::Blob(_) => Value::Null,
            Stored::Integer(number) => json!({ "i": number.to_string() }),
            Stored::Real(number) => json!({ "r": number }),
            Stored::Text(text) => json!(text),
        })
        .collect();
    Value::from(values).to_string()
}

fn read_cursor(text: &str, terms: usize) -> Result<Vec<Stored>, Problem> {
    let unreadable = || Problem::new(Code::BadRequest, "the cursor is none of this list").field("after");
    let values: Vec<Value> = serde_json::from_str(text).map_err(|_| unreadable())?;
    if values.len() != terms {
        return Err(unreadable());
    }
    let read = |value: &Value| match value {
        Value::Null => Some(Stored::Null),
        Value::String(text) => Some(Stored::Text(text.clone())),
        Value::Object(number) => match (number.get("i"), number.get("r")) {
            (Some(whole), None) => Some(Stored::Integer(whole.as_str()?.parse().ok()?)),
            (None, Some(real)) => Some(Stored::Real(real.as_f64()?)),
            _ => None,
        },
        _ => None,
    };
    values.iter().map(|value| read(value).ok_or_else(unreadable)).collect()
}
