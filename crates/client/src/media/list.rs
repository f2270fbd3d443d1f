//! The list of downloads in a person's database: wanted files that are not on this laptop yet.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::fetch::Wanted;
use crate::error::Result;
use crate::store::attention::read_code;
use crate::view_models::Download;

pub(super) fn next_wanted(connection: &Connection) -> Result<Option<Wanted>> {
    let mut statement =
        connection.prepare_cached("SELECT sha256, size_bytes FROM downloads WHERE state = 'waiting' ORDER BY position LIMIT 1")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let size: i64 = row.get("size_bytes")?;
    // An unknown size is stored as 0.
    Ok(Some(Wanted { sha256: row.get("sha256")?, size_bytes: u64::try_from(size).ok().filter(|size| *size > 0) }))
}

/// The SHA-256 of every file in this person's database.
pub(super) fn known(connection: &Connection) -> Result<BTreeSet<String>> {
    let mut statement =
        connection.prepare("SELECT sha256 FROM media_assets WHERE sha256 IS NOT NULL UNION SELECT sha256 FROM downloads")?;
    Ok(statement.query_map([], |row| row.get("sha256"))?.collect::<Result<_, _>>()?)
}

pub(super) fn list(connection: &Connection) -> Result<Vec<(String, Download)>> {
    let mut statement = connection
        .prepare_cached("SELECT sha256, content_item_id, course_id, title, size_bytes, state, problem FROM downloads ORDER BY position")?;
    let listed = statement
        .query_map([], |row| {
            let problem: Option<String> = row.get("problem")?;
            Ok((
                row.get("sha256")?,
                Download {
                    content_item_id: row.get("content_item_id")?,
                    course_id: row.get("course_id")?,
                    title: row.get("title")?,
                    size_bytes: row.get("size_bytes")?,
                    bytes_fetched: 0,
                    state: row.get("state")?,
                    problem: problem.map(|word| read_code(&word)),
                },
            ))
        })?
        .collect::<Result<_, _>>()?;
    Ok(listed)
}

pub(super) fn setting(connection: &Connection, name: &str) -> Result<Option<String>> {
    use rusqlite::OptionalExtension;
    Ok(connection.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}

pub(super) fn set_setting(connection: &Connection, name: &str, value: &str) -> Result<()> {
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
    )?;
    Ok(())
}
