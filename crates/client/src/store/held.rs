//! Changes whose author had lost the right by the time they arrived: what waits for this person's decision, and what became
//! of this person's own. And rows that the server has lost and a laptop still had, which wait for an administrator. The server
//! keeps them; here they are read only.

use rusqlite::{Connection, Params, params};
use serde_json::{Map, Value};
use waystation_model::access::Role;
use waystation_model::registry::Kind;

use super::device::Owner;
use super::value::to_json;
use crate::error::Result;

/// Changes that are listed at once, of either kind.
const LISTED_MAX: i64 = 200;

/// One held change.
#[derive(Debug, Clone)]
pub struct HeldChange {
    /// The held change.
    pub id: String,
    /// The table.
    pub entity: String,
    /// The row.
    pub row_id: String,
    /// Whether the row was to go.
    pub deletes: bool,
    /// What was to be stored, by column.
    pub fields: Map<String, Value>,
    /// Who made it.
    pub author_id: String,
    /// What they are called.
    pub author_name: String,
    /// Whom it is about.
    pub person_name: Option<String>,
    /// The group that it belongs to.
    pub group_id: Option<String>,
    /// When it was made, in milliseconds.
    pub at: i64,
    /// `waiting`, `accepted` or `refused`.
    pub state: String,
    /// How many other people have offered the very same row.
    pub others: i64,
    /// The account of whoever decided.
    pub decided_by: Option<String>,
    /// When, in milliseconds.
    pub decided_at: Option<i64>,
}

/// What waits for this person, the oldest first: later changes of a row build on earlier ones.
///
/// # Errors
/// When the database fails.
pub fn to_decide(connection: &Connection, me: &str) -> Result<Vec<HeldChange>> {
    read(connection, "state = 'waiting' AND author_id <> ?1 ORDER BY at_us, n, id", me)
}

/// What this person made and somebody else decides, the newest first.
///
/// # Errors
/// When the database fails.
pub fn own(connection: &Connection, me: &str) -> Result<Vec<HeldChange>> {
    read(connection, "author_id = ?1 ORDER BY at_us DESC, n DESC, id", me)
}

/// Rows that somebody's laptop still had and the server has lost, for an administrator: the oldest of everybody first, so that
/// whoever offers much hides nobody. What this laptop itself offers counts once the server has kept it: until then it may come
/// to nothing, because another laptop has offered the same, and a decision about it would be refused.
///
/// # Errors
/// When the database fails.
pub fn offered(connection: &Connection) -> Result<Vec<HeldChange>> {
    list(
        connection,
        "SELECT id, entity, row_id, 'put' AS op, fields, offered_by AS author_id, offered_by_name AS author_name, person_name,
                fields ->> 'group_id' AS group_id, changed_at * 1000 AS at_us, state, coalesce(seconded, 0) AS seconded, decided_by, decided_at
         FROM offered_rows WHERE state = 'waiting' AND stamp <> 0
         ORDER BY row_number() OVER (PARTITION BY offered_by ORDER BY CAST(row_stamp AS INTEGER), id), CAST(row_stamp AS INTEGER), id
         LIMIT ?1",
        params![LISTED_MAX],
    )
}

/// How much waits for this person. What an administrator decides, another person's laptop only holds until it is sent.
///
/// # Errors
/// When the database fails.
pub fn count_to_decide(connection: &Connection, owner: &Owner) -> Result<i64> {
    Ok(connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM held_changes WHERE state = 'waiting' AND author_id <> ?1)
                  + (SELECT count(*) FROM offered_rows WHERE state = 'waiting' AND stamp <> 0 AND ?2)",
        )?
        .query_row(params![owner.user_id.to_string(), owner.role == Role::Admin], |row| row.get(0))?)
}

fn read(connection: &Connection, wanted: &str, me: &str) -> Result<Vec<HeldChange>> {
    let sql = format!(
        "SELECT id, entity, row_id, op, fields, author_id, author_name, person_name, group_id, at_us, state, 0 AS seconded, decided_by, decided_at
         FROM held_changes WHERE {wanted} LIMIT ?2"
    );
    list(connection, &sql, params![me, LISTED_MAX])
}

fn list(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<HeldChange>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |name: &str| row.get::<_, Option<String>>(name).map(Option::unwrap_or_default);
        let fields = match to_json(Kind::Json, row.get_ref("fields")?) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        found.push(HeldChange {
            id: text("id")?,
            entity: text("entity")?,
            row_id: text("row_id")?,
            deletes: text("op")? == "delete",
            fields,
            author_id: text("author_id")?,
            author_name: text("author_name")?,
            person_name: row.get("person_name")?,
            group_id: row.get("group_id")?,
            at: row.get::<_, Option<i64>>("at_us")?.unwrap_or_default().div_euclid(1000),
            state: text("state")?,
            others: row.get("seconded")?,
            decided_by: row.get("decided_by")?,
            decided_at: row.get("decided_at")?,
        });
    }
    Ok(found)
}
