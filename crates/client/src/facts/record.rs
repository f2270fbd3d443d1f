//! What is recorded about one person or one group: attendance, payments, coding.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use waystation_model::rules::attendance::{Excused, Marks};
use waystation_model::rules::balance::{self, Balance, Payment};
use waystation_model::rules::ranking::Submission;

use crate::error::Result;

/// What the organization's setting says about excused absences.
pub(crate) fn excused(connection: &Connection) -> Result<Excused> {
    let settings: Option<String> =
        connection.prepare_cached("SELECT settings FROM organizations LIMIT 1")?.query_row([], |row| row.get("settings")).optional()?;
    let settings = settings.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    Ok(Excused::of_settings(&settings))
}

/// A student's marks in all groups, from a day on; none: all of them.
pub(crate) fn marks(connection: &Connection, student_id: &str, since: Option<chrono::NaiveDate>) -> Result<Marks> {
    let since = since.map(|day| day.to_string()).unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT status, count(id) AS marks FROM attendance_records WHERE student_id = ?1 AND lesson_date >= ?2 AND status IS NOT NULL GROUP BY status",
    )?;
    let mut marks = Marks::default();
    let mut rows = statement.query([student_id, since.as_str()])?;
    while let Some(row) = rows.next()? {
        marks.add(&row.get::<_, String>("status")?, row.get("marks")?);
    }
    Ok(marks)
}

/// What a student has paid and owes, by currency.
pub(crate) fn balances(connection: &Connection, student_id: &str) -> Result<BTreeMap<String, Balance>> {
    let mut statement =
        connection.prepare_cached("SELECT currency, amount_minor, status, deleted_at FROM payments WHERE student_id = ?1")?;
    let payments: Vec<Payment> = statement
        .query_map([student_id], |row| {
            Ok(Payment {
                currency: row.get("currency")?,
                amount_minor: row.get("amount_minor")?,
                status: row.get("status")?,
                is_deleted: row.get::<_, Option<i64>>("deleted_at")?.is_some(),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(balance::balances(payments))
}

/// What the members of a group have handed in of coding tasks that were not deleted.
pub(crate) fn submissions_of_group(connection: &Connection, group_id: &str) -> Result<Vec<Submission>> {
    let mut statement = connection.prepare_cached(
        "SELECT s.user_id AS user_id, s.coding_task_id AS task_id, coalesce(t.points, 0) AS points, coalesce(s.status = 'passed', 0) AS passed
         FROM coding_submissions s JOIN coding_tasks t ON t.id = s.coding_task_id AND t.deleted_at IS NULL WHERE s.group_id = ?1",
    )?;
    let submissions = statement
        .query_map([group_id], |row| {
            Ok(Submission {
                user_id: row.get("user_id")?,
                task_id: row.get("task_id")?,
                points: row.get("points")?,
                passed: row.get("passed")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(submissions)
}
