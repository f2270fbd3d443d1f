//! The chip and the Sync centre.

use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;
use waystation_model::registry;
use waystation_model::{Code, Problem};

use super::Snapshot;
use crate::app::App;
use crate::error::Result;
use crate::store::conflicts::{self as open_conflicts, ConflictValue};
use crate::store::{Edit, rows};
use crate::view_models::*;

/// Unconfirmed changes that the Sync centre lists.
const WAITING_LISTED_MAX: i64 = 200;
/// Merged changes that it lists.
const MERGED_LISTED_MAX: i64 = 100;
impl App {
    pub(crate) async fn sync_status(&self, _arguments: Nothing) -> Result<SyncStatus, Problem> {
        Ok(self.unlocked()?.engine.status().await?)
    }

    pub(crate) async fn sync_now(&self, _arguments: Nothing) -> Result<SyncStatus, Problem> {
        Ok(self.unlocked()?.engine.sync_now().await?)
    }

    pub(crate) async fn sync_centre(&self, _arguments: Nothing) -> Result<SyncCentre, Problem> {
        let status = self.unlocked()?.engine.status().await?;
        let folder = self.inner.config.data_dir.display().to_string();
        Ok(self
            .read(move |snapshot| {
                Ok(SyncCentre {
                    status,
                    waiting: waiting(snapshot)?,
                    attention: super::attention::items(snapshot)?,
                    merged: merged(snapshot)?,
                    conflicts: conflicts(snapshot)?,
                    held: super::held::to_decide(snapshot)?,
                    own_held: super::held::own(snapshot)?,
                    offered: super::held::offered(snapshot)?,
                    lost_rows: crate::store::lost::count(snapshot.connection)?,
                    withheld_rows: crate::store::withheld::count(snapshot.connection)?,
                    repairs: repairs(snapshot)?,
                    folder,
                })
            })
            .await?)
    }

    pub(crate) async fn settle(&self, arguments: Settle) -> Result<Nothing, Problem> {
        let now_ms = self.inner.environment.clock.now_ms();
        self.edit_with(move |connection, device| {
            let me = device.owner.user_id.to_string();
            let now_ms = now_ms + device.clock_offset_ms;
            settle_edits(connection, &arguments, &me, now_ms)
        })
        .await?;
        Ok(Nothing {})
    }
}

fn settle_edits(connection: &Connection, arguments: &Settle, me: &str, now_ms: i64) -> Result<Vec<Edit>> {
    let conflicts = registry::entity("conflicts").expect("a registered table");
    let not_found = || Problem::new(Code::NotFound, "the conflict is not on this laptop");
    let id = Uuid::parse_str(&arguments.id).map_err(|_| not_found())?;
    let row = rows::read(connection, conflicts, &arguments.id)?.ok_or_else(not_found)?;
    let value = |name: &str| conflicts.column_index(name).map_or(&Value::Null, |index| &row.values[index]);
    let mut edits = Vec::new();
    if arguments.take_lost
        && let Some(entity) = value("entity").as_str().and_then(registry::entity)
        && let Some(row_id) = value("row_id").as_str().and_then(|text| Uuid::parse_str(text).ok())
        && let Value::Object(lost) = value("lost_values")
    {
        let mut fields: Vec<(&'static str, Value)> = Vec::new();
        for (name, value) in lost {
            let Some(column) = entity.column(name) else { continue };
            fields.push((column.name, value.clone()));
        }
        // The person who settles the conflict becomes the author of the mark.
        for (name, mine) in [("marked_by", json!(me)), ("marked_at", json!(now_ms))] {
            if let Some(field) = fields.iter_mut().find(|(column, _)| *column == name) {
                field.1 = mine;
            }
        }
        edits.push(Edit::put(entity, Some(row_id), fields));
    }
    edits.push(Edit::put(conflicts, Some(id), vec![("settled_by", json!(me)), ("settled_at", json!(now_ms))]));
    Ok(edits)
}

/// Repairs of damaged scopes.
fn repairs(snapshot: &Snapshot<'_>) -> Result<Vec<Repair>> {
    let mut statement = snapshot.connection.prepare_cached("SELECT at, rows FROM repairs ORDER BY number DESC")?;
    Ok(statement.query_map([], |row| Ok(Repair { at: row.get("at")?, rows: row.get("rows")? }))?.collect::<Result<_, _>>()?)
}

fn waiting(snapshot: &Snapshot<'_>) -> Result<Vec<WaitingChange>> {
    let mut statement = snapshot.connection.prepare_cached(
        "SELECT o.n AS n, o.entity AS entity, o.row_id AS row_id, o.at AS at, o.state AS state FROM outbox o, device d
         WHERE o.n > d.acknowledged_n OR (o.state = 2 AND o.n > 0) ORDER BY o.n LIMIT ?1",
    )?;
    let mut rows = statement.query([WAITING_LISTED_MAX])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let entity: String = row.get("entity")?;
        let row_id: String = row.get("row_id")?;
        waiting.push(WaitingChange {
            n: row.get("n")?,
            about: about(snapshot.connection, &entity, &row_id)?,
            entity,
            at: row.get::<_, i64>("at")?.div_euclid(1000),
            sent: row.get::<_, i64>("state")? >= 2,
        });
    }
    Ok(waiting)
}

fn merged(snapshot: &Snapshot<'_>) -> Result<Vec<MergedItem>> {
    let mut statement =
        snapshot.connection.prepare_cached("SELECT n, entity, row_id, at, outcome FROM merged_log ORDER BY number DESC LIMIT ?1")?;
    let mut rows = statement.query([MERGED_LISTED_MAX])?;
    let mut merged = Vec::new();
    while let Some(row) = rows.next()? {
        let entity: String = row.get("entity")?;
        let row_id: String = row.get("row_id")?;
        merged.push(MergedItem {
            n: row.get("n")?,
            about: about(snapshot.connection, &entity, &row_id)?,
            entity,
            at: row.get::<_, i64>("at")?.div_euclid(1000),
            outcome: row.get("outcome")?,
        });
    }
    Ok(merged)
}

fn conflicts(snapshot: &Snapshot<'_>) -> Result<Vec<ConflictItem>> {
    let side = |row_id: &str, conflict: ConflictValue| -> Result<ConflictSide> {
        let by = conflict.by.as_deref().map_or(Ok(String::new()), |by| name_of(snapshot.connection, by))?;
        let here = conflict.at.map_or(Ok(false), |at| entered_here(snapshot.connection, row_id, at))?;
        Ok(ConflictSide { value: conflict.value, by, at: conflict.at, here })
    };
    let mut items = Vec::new();
    for conflict in open_conflicts::open(snapshot.connection)? {
        let entity = conflict.entity.name;
        let cell = attendance_cell(snapshot.connection, entity, &conflict.row_id)?;
        items.push(ConflictItem {
            id: conflict.id,
            about: about(snapshot.connection, entity, &conflict.row_id)?,
            kept: side(&conflict.row_id, conflict.kept)?,
            lost: side(&conflict.row_id, conflict.lost)?,
            group_id: cell.as_ref().map(|cell| cell.0.clone()),
            student_id: cell.as_ref().map(|cell| cell.1.clone()),
            lesson_date: cell.map(|cell| cell.2),
            entity: entity.to_owned(),
            row_id: conflict.row_id,
            field: conflict.field,
        });
    }
    Ok(items)
}

/// Whether a change of this laptop wrote a row at this moment: the change's own time, or the time that it wrote, as a mark does. Only
/// the latest changes are kept, so an old one is not recognized.
fn entered_here(connection: &Connection, row_id: &str, at_ms: i64) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT n FROM outbox WHERE row_id = ?1 AND (at / 1000 = ?2 OR instr(vals, ?3) > 0))")?
        .query_row((row_id, at_ms, at_ms.to_string()), |row| row.get(0))?)
}

fn attendance_cell(connection: &Connection, entity: &str, row_id: &str) -> Result<Option<(String, String, String)>> {
    use rusqlite::OptionalExtension;
    if entity != "attendance_records" {
        return Ok(None);
    }
    Ok(connection
        .prepare_cached("SELECT group_id, student_id, lesson_date FROM attendance_records WHERE id = ?1")?
        .query_row([row_id], |row| Ok((row.get("group_id")?, row.get("student_id")?, row.get("lesson_date")?)))
        .optional()?)
}

/// A person's name; empty when it is not on this laptop.
pub(super) fn name_of(connection: &Connection, user_id: &str) -> Result<String> {
    Ok(connection
        .prepare_cached(
            "SELECT coalesce(
                (SELECT full_name FROM device WHERE user_id = ?1),
                (SELECT full_name FROM users WHERE id = ?1),
                (SELECT full_name FROM staff_cards WHERE user_id = ?1),
                (SELECT display_name FROM group_memberships WHERE user_id = ?1 LIMIT 1),
                (SELECT display_name FROM enrollments WHERE user_id = ?1 LIMIT 1),
                '')",
        )?
        .query_row([user_id], |row| row.get(0))?)
}

/// A row's title, name or other description for the screen; empty when the rows for it are not on this laptop.
pub(super) fn about(connection: &Connection, entity: &str, row_id: &str) -> Result<String> {
    use rusqlite::OptionalExtension;
    let sql = match entity {
        "attendance_records" => {
            "SELECT coalesce((SELECT m.display_name FROM group_memberships m WHERE m.group_id = a.group_id AND m.user_id = a.student_id), '')
                 || ' · ' || a.lesson_date FROM attendance_records a WHERE a.id = ?1"
        }
        "topic_progress" => "SELECT t.title FROM topic_progress p JOIN topics t ON t.id = p.topic_id WHERE p.id = ?1",
        "content_progress" => "SELECT i.title FROM content_progress p JOIN content_items i ON i.id = p.content_item_id WHERE p.id = ?1",
        "assessment_attempts" => "SELECT a.title FROM assessment_attempts p JOIN assessments a ON a.id = p.assessment_id WHERE p.id = ?1",
        "enrollments" => {
            "SELECT coalesce(e.display_name || ' · ', '') || c.title FROM enrollments e JOIN courses c ON c.id = e.course_id WHERE e.id = ?1"
        }
        "courses" => "SELECT title FROM courses WHERE id = ?1",
        "modules" => "SELECT title FROM modules WHERE id = ?1",
        "topics" => "SELECT title FROM topics WHERE id = ?1",
        "content_items" => "SELECT title FROM content_items WHERE id = ?1",
        "assessments" => "SELECT title FROM assessments WHERE id = ?1",
        "groups" => "SELECT coalesce(display_name, name) FROM groups WHERE id = ?1",
        "stations" => "SELECT name FROM stations WHERE id = ?1",
        "users" => "SELECT full_name FROM users WHERE id = ?1",
        "user_profiles" => "SELECT d.full_name FROM user_profiles p JOIN device d ON d.user_id = p.user_id WHERE p.id = ?1",
        _ => return Ok(String::new()),
    };
    let found: Option<Option<String>> = connection.prepare_cached(sql)?.query_row([row_id], |row| row.get(0)).optional()?;
    Ok(found.flatten().unwrap_or_default())
}
