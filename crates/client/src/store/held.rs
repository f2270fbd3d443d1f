//! Held changes, whose author had lost the right when they arrived at the server: those that wait for this person's decision,
//! and this person's own. Also offered rows, which the server has lost and a laptop still has: they wait for an administrator.
//! All of them are the server's rows and are only read here.

use rusqlite::{Connection, Params, params};
use serde_json::{Map, Value};
use waystation_model::access::Role;
use waystation_model::registry::Kind;

use super::device::Owner;
use super::value::to_json;
use crate::error::Result;

/// Entries of one list.
const LISTED_MAX: i64 = 200;

/// One held change.
#[derive(Debug, Clone)]
pub struct HeldChange {
    /// The held change.
    pub id: String,
    /// The table's name.
    pub entity: String,
    /// The row's id.
    pub row_id: String,
    /// Whether the change deletes the row.
    pub deletes: bool,
    /// The values of the change, by column.
    pub fields: Map<String, Value>,
    /// The author's account.
    pub author_id: String,
    /// The author's name.
    pub author_name: String,
    /// The name of the person that the row is about.
    pub person_name: Option<String>,
    /// The group that it belongs to.
    pub group_id: Option<String>,
    /// When it was made, in milliseconds.
    pub at: i64,
    /// `waiting`, `accepted` or `refused`.
    pub state: String,
    /// How many other people have offered an identical row; 0 for a held change.
    pub others: i64,
    /// The account of the person who decided.
    pub decided_by: Option<String>,
    /// When they decided, in milliseconds.
    pub decided_at: Option<i64>,
}

/// Held changes that wait for this person's decision, the oldest first, because later changes of a row build on earlier ones.
///
/// # Errors
/// When the database fails.
pub fn to_decide(connection: &Connection, me: &str) -> Result<Vec<HeldChange>> {
    read(connection, "state = 'waiting' AND author_id <> ?1 ORDER BY at_us, n, id", me)
}

/// This person's own held changes, the newest first.
///
/// # Errors
/// When the database fails.
pub fn own(connection: &Connection, me: &str) -> Result<Vec<HeldChange>> {
    read(connection, "author_id = ?1 ORDER BY at_us DESC, n DESC, id", me)
}

/// Offered rows, for an administrator: first each person's oldest, so that one person's many offers do not hide the others'.
/// This laptop's own offers are listed once the server has stored them: before that the server may drop one as a duplicate of
/// another laptop's offer, and would refuse a decision about it.
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

/// How many changes and offered rows wait for this person's decision. Offered rows count for administrators only: other people
/// have only their own, until they are sent.
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
