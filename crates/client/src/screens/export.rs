//! Exports all data that exists only on this laptop to a JSON file, so that it can be entered again without this program.

use rusqlite::{Connection, Row};
use serde_json::{Map, Value, json};
use waystation_model::Problem;

use super::sync::about;
use crate::app::{App, make_private_folder};
use crate::error::Result;
use crate::store::value::read_json;
use crate::view_models::*;

const WAITING: &str = "SELECT o.n AS n, o.entity AS entity, o.row_id AS row_id, o.op AS op, o.at AS at, o.columns AS columns,
    o.vals AS vals FROM outbox o, device d WHERE o.n > d.acknowledged_n AND o.state < 3 ORDER BY o.n";
const ATTENTION: &str = "SELECT number AS n, entity, row_id, op, at, columns, vals, code, message FROM attention ORDER BY at, number";

impl App {
    pub(crate) async fn export_changes(&self, _arguments: Nothing) -> Result<WrittenFile, Problem> {
        let owner = self.unlocked()?.owner.clone();
        let folder = self.inner.people.folder_of(&owner.user_id).join("exports");
        make_private_folder(&folder)?;
        let now_ms = self.inner.environment.clock.now_ms();
        let path = folder.join(format!("changes-{now_ms}.json"));
        let lists = self
            .read(|snapshot| {
                let connection = snapshot.connection;
                let waiting = list(connection, WAITING, |_| Ok(Map::new()))?;
                let attention = list(connection, ATTENTION, |row| {
                    let text = |name: &str| row.get::<_, String>(name).map(Value::from);
                    Ok([("code".to_owned(), text("code")?), ("message".to_owned(), text("message")?)].into_iter().collect())
                })?;
                Ok((waiting, attention, tests(connection)?))
            })
            .await?;
        let (waiting, attention, tests) = lists;
        let person = json!({"full_name": owner.full_name, "user_name": owner.user_name, "server": owner.server});
        let text = json!({"person": person, "written_at": now_ms, "waiting": waiting, "attention": attention, "tests": tests});
        crate::files::write_private_json(&path, &text)?;
        Ok(WrittenFile { path: path.display().to_string() })
    }
}

/// Changes with their columns and values.
fn list(connection: &Connection, sql: &str, more: impl Fn(&Row<'_>) -> Result<Map<String, Value>>) -> Result<Vec<Value>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let (entity, row_id): (String, String) = (row.get("entity")?, row.get("row_id")?);
        let (columns, values): (Vec<String>, Vec<Value>) = (read_json(row, "columns")?, read_json(row, "vals")?);
        let mut change = more(row)?;
        let facts = [
            ("n", json!(row.get::<_, i64>("n")?)),
            ("about", json!(about(connection, &entity, &row_id)?)),
            ("op", json!(row.get::<_, String>("op")?)),
            ("at", json!(row.get::<_, i64>("at")?.div_euclid(1000))),
            ("values", Value::Object(columns.into_iter().zip(values).collect())),
            ("entity", json!(entity)),
            ("row_id", json!(row_id)),
        ];
        change.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        list.push(Value::Object(change));
    }
    Ok(list)
}

/// The answers stored for attempts on this laptop.
fn tests(connection: &Connection) -> Result<Vec<Value>> {
    let mut statement = connection.prepare("SELECT attempt_id, answers, flags FROM attempt_drafts ORDER BY attempt_id")?;
    let mut rows = statement.query([])?;
    let mut tests = Vec::new();
    while let Some(row) = rows.next()? {
        let attempt_id: String = row.get("attempt_id")?;
        let (answers, flags): (Value, Value) = (read_json(row, "answers")?, read_json(row, "flags")?);
        tests.push(json!({"about": about(connection, "assessment_attempts", &attempt_id)?, "attempt_id": attempt_id, "answers": answers, "flags": flags}));
    }
    Ok(tests)
}
