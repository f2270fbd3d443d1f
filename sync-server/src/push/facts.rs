//! Preconditions in other tables: that a student was in the group on the day of a mark, and that a test is open when an attempt
//! begins. They are queried once per set, before its changes are checked one by one. For a held change they are checked when it is
//! accepted.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;
use waystation_model::merge::Stored;
use waystation_model::registry::Entity;
use waystation_model::{Code, Problem};

use super::RowId;
use super::change::{Fields, RowChange};
use super::rows::Rows;
use crate::authority::{LessonDay, Writing};
use crate::failure::Failure;

/// The columns of a mark.
const MARK: &[&str] = &["status", "note"];

/// The preconditions that fail in one set.
#[derive(Debug, Default)]
pub struct Facts {
    /// Marks of students who were not in the group on that day.
    outside: HashSet<RowId>,
    /// Tests that are deleted or not active.
    closed: HashSet<Uuid>,
}

impl Facts {
    /// Queries the preconditions of these changes.
    pub async fn read<'f, W: Writing>(
        transaction: &mut W,
        entity: &Entity,
        changes: impl Iterator<Item = (RowId, &'f Fields)>,
        rows: &Rows,
    ) -> Result<Facts, Failure> {
        match entity.name {
            "attendance_records" => marks(transaction, entity, changes, rows).await,
            "assessment_attempts" => attempts(transaction, entity, changes).await,
            _ => Ok(Facts::default()),
        }
    }

    /// Refuses a change whose precondition fails. Writing a value that is already current is not refused.
    pub fn check(&self, row_change: &RowChange<'_>, current: Option<&Stored>) -> Result<(), Problem> {
        let RowChange { entity, id, change } = row_change;
        if self.outside.contains(id) && marks_anew(entity, change.fields, current) {
            return Err(Problem::new(Code::NotAMember, "the student was not in the group on that day").field("student_id"));
        }
        let begins = current.is_none() && entity.name == "assessment_attempts";
        if begins && uuid_in(entity, change.fields, "assessment_id").is_some_and(|test| self.closed.contains(&test)) {
            return Err(Problem::new(Code::TestClosed, "the test was deleted or is not active").field("assessment_id"));
        }
        Ok(())
    }
}

/// Whether a change sets a mark or a note that is not current. Clearing one does not count.
fn marks_anew(entity: &Entity, fields: &[(usize, Value)], current: Option<&Stored>) -> bool {
    fields.iter().any(|(index, value)| {
        MARK.contains(&entity.columns[*index].name) && !value.is_null() && current.is_none_or(|stored| stored.values[*index] != *value)
    })
}

async fn marks<'f, W: Writing>(
    transaction: &mut W,
    entity: &Entity,
    changes: impl Iterator<Item = (RowId, &'f Fields)>,
    rows: &Rows,
) -> Result<Facts, Failure> {
    let mut days = Vec::new();
    let mut ids = Vec::new();
    for (id, fields) in changes {
        let current = rows.current(id);
        if !marks_anew(entity, fields, current) {
            continue;
        }
        let text = |name: &str| {
            let index = entity.column_index(name)?;
            let given = fields.iter().find(|(given, _)| *given == index).map(|(_, value)| value);
            current.map(|stored| &stored.values[index]).or(given)?.as_str()
        };
        let uuid = |name: &str| text(name).and_then(|text| Uuid::parse_str(text).ok());
        // A change without its key is refused by the merge.
        if let (Some(group), Some(student), Some(day)) = (uuid("group_id"), uuid("student_id"), text("lesson_date")) {
            ids.push(id);
            days.push(LessonDay { group, student, day: day.to_owned() });
        }
    }
    if days.is_empty() {
        return Ok(Facts::default());
    }
    let belongs = transaction.belongs_on(&days).await?;
    let outside = ids.into_iter().zip(belongs).filter(|(_, belongs)| !belongs).map(|(id, _)| id).collect();
    Ok(Facts { outside, ..Facts::default() })
}

async fn attempts<'f, W: Writing>(
    transaction: &mut W,
    entity: &Entity,
    changes: impl Iterator<Item = (RowId, &'f Fields)>,
) -> Result<Facts, Failure> {
    let mut tests: Vec<Uuid> = changes.filter_map(|(_, fields)| uuid_in(entity, fields, "assessment_id")).collect();
    tests.sort_unstable();
    tests.dedup();
    if tests.is_empty() {
        return Ok(Facts::default());
    }
    Ok(Facts { closed: transaction.closed_tests(&tests).await?.into_iter().collect(), ..Facts::default() })
}

fn uuid_in(entity: &Entity, fields: &[(usize, Value)], name: &str) -> Option<Uuid> {
    let index = entity.column_index(name)?;
    fields.iter().find(|(given, _)| *given == index).and_then(|(_, value)| Uuid::parse_str(value.as_str()?).ok())
}
