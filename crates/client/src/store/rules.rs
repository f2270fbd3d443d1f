//! The table's own rules, checked before a change is stored, so that a form says what is wrong with a value. The server's answer
//! stays the authority: it knows rows that this laptop does not have.

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};
use serde_json::Value;
use waystation_model::registry::rules::broken_by_change;
use waystation_model::registry::{Entity, Kind, Unique};
use waystation_model::{Code, Problem};

use super::device::Owner;
use super::rows;
use super::value::to_stored;
use crate::error::Result;
use crate::facts::check_self_enrollment;

/// Checks a row after a change. Columns that the change leaves as they were are not its fault.
///
/// # Errors
/// `rule_broken` or `taken`, with the column.
pub fn check(connection: &Connection, entity: &Entity, id: &str, before: Option<&[Value]>, values: &[Value]) -> Result<()> {
    let is_changed = |name: &str| {
        let Some(index) = entity.column_index(name) else { return false };
        before.is_none_or(|before| before.get(index) != values.get(index))
    };
    if let Some(broken) = broken_by_change(entity, values, is_changed) {
        let message = format!("{} does not hold", broken.name);
        return Err(Problem::new(Code::RuleBroken, message).field(broken.column).into());
    }
    for unique in entity.constraints.unique {
        if unique.columns.iter().any(|column| is_changed(column)) && is_taken(connection, entity, unique, id, values)? {
            let message = format!("{} does not hold", unique.name(entity));
            return Err(Problem::new(Code::Taken, message).field(unique.column()).into());
        }
    }
    Ok(())
}

/// Checks a person's new enrollment of themselves, as far as this laptop knows the facts.
///
/// # Errors
/// `rule_broken`, `payment_needed` or `prerequisite_missing`, with the column.
pub fn check_enrollment(connection: &Connection, owner: &Owner, entity: &Entity, values: &[Value], now_ms: i64) -> Result<()> {
    let text = |name: &str| entity.column_index(name).and_then(|index| values.get(index)).and_then(Value::as_str);
    if entity.name != "enrollments" || text("enrollment_type") != Some("self") {
        return Ok(());
    }
    let (Some(course_id), Some(user_id)) = (text("course_id"), text("user_id")) else { return Ok(()) };
    if user_id != owner.user_id.to_string() {
        return Ok(());
    }
    check_self_enrollment(connection, course_id, user_id, now_ms)
}

/// Whether another row on this laptop has the key. All of them are of one organization.
fn is_taken(connection: &Connection, entity: &Entity, unique: &Unique, id: &str, values: &[Value]) -> Result<bool> {
    let Some(key) = unique.key_of(entity, values) else { return Ok(false) };
    // The server fills in some empty texts, such as a course's slug.
    if key.iter().any(|value| value.as_str() == Some("")) {
        return Ok(false);
    }
    // An index on the rows that have a key is used for `=` alone.
    let equals = if unique.nulls_equal { "IS" } else { "=" };
    let parts = unique.columns.iter().zip(2..).map(|(name, place)| match entity.column(name).map(|column| column.kind) {
        Some(Kind::Text) if unique.ignores_case => format!("lower({name}) {equals} ?{place}"),
        _ => format!("{name} {equals} ?{place}"),
    });
    let sql = format!("SELECT id FROM {} WHERE id <> ?1 AND {}", entity.name, parts.collect::<Vec<_>>().join(" AND "));
    let kind = |name: &str| entity.column(name).expect("a key names columns, which a test holds").kind;
    let bound = [Stored::Text(id.to_owned())].into_iter();
    let bound = bound.chain(unique.columns.iter().zip(&key).map(|(name, value)| to_stored(kind(name), value)));
    let mut statement = connection.prepare_cached(&sql)?;
    let others: Vec<String> = statement.query_map(params_from_iter(bound), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for other in others {
        // The key may have a condition on other columns.
        let row = rows::read(connection, entity, &other)?;
        if row.is_some_and(|row| unique.key_of(entity, &row.values).as_ref() == Some(&key)) {
            return Ok(true);
        }
    }
    Ok(false)
}
