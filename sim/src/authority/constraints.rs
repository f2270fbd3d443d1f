//! The database's constraints: value ranges, unique keys and foreign keys.

use std::collections::HashMap;

use serde_json::Value;
use sync_server::failure::{Failure, Refusal};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry::Entity;

use super::table;
use super::tables::{Row, id_in, value};
use super::writing::MemoryWriting;

/// What happens to a row when its parent is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnParentDelete {
    /// The delete of the parent is refused.
    Refuse,
    /// The row is deleted too.
    Cascade,
    /// The reference is set to null.
    SetNull,
}

/// Child table, column, parent table, delete rule, and a column that has to be equal in both rows.
type Reference = (&'static str, &'static str, &'static str, OnParentDelete, Option<&'static str>);

const REFERENCES: &[Reference] = &[
    ("users", "station_id", "stations", OnParentDelete::SetNull, None),
    ("staff_cards", "user_id", "users", OnParentDelete::Cascade, None),
    ("user_profiles", "user_id", "users", OnParentDelete::Cascade, None),
    ("student_profiles", "user_id", "users", OnParentDelete::Cascade, None),
    ("guardian_links", "parent_id", "users", OnParentDelete::Cascade, None),
    ("guardian_links", "student_id", "users", OnParentDelete::Cascade, None),
    ("devices", "user_id", "users", OnParentDelete::Cascade, None),
    ("groups", "teacher_id", "users", OnParentDelete::Refuse, None),
    ("group_memberships", "group_id", "groups", OnParentDelete::Refuse, None),
    ("group_memberships", "user_id", "users", OnParentDelete::Refuse, None),
    ("station_equipment", "station_id", "stations", OnParentDelete::Cascade, None),
    ("courses", "instructor_id", "users", OnParentDelete::Refuse, None),
    ("courses", "station_id", "stations", OnParentDelete::SetNull, None),
    ("modules", "course_id", "courses", OnParentDelete::Cascade, None),
    ("topics", "course_id", "courses", OnParentDelete::Cascade, None),
    ("topics", "module_id", "modules", OnParentDelete::Cascade, Some("course_id")),
    ("assessments", "course_id", "courses", OnParentDelete::Cascade, None),
    ("questions", "assessment_id", "assessments", OnParentDelete::Cascade, None),
    ("questions", "course_id", "courses", OnParentDelete::Cascade, None),
    ("answer_keys", "assessment_id", "assessments", OnParentDelete::Cascade, None),
    ("answer_keys", "course_id", "courses", OnParentDelete::Cascade, None),
    ("assessment_attempts", "user_id", "users", OnParentDelete::Refuse, None),
    ("assessment_attempts", "assessment_id", "assessments", OnParentDelete::Refuse, None),
    ("assessment_attempts", "course_id", "courses", OnParentDelete::Refuse, None),
    ("enrollments", "user_id", "users", OnParentDelete::Refuse, None),
    ("enrollments", "course_id", "courses", OnParentDelete::Refuse, None),
    ("enrollments", "enrolled_by", "users", OnParentDelete::Refuse, None),
    ("topic_progress", "user_id", "users", OnParentDelete::Refuse, None),
    ("topic_progress", "topic_id", "topics", OnParentDelete::Refuse, Some("course_id")),
    ("attendance_records", "group_id", "groups", OnParentDelete::Refuse, None),
    ("attendance_records", "student_id", "users", OnParentDelete::Refuse, None),
    ("attendance_records", "marked_by", "users", OnParentDelete::Refuse, None),
    ("conflicts", "group_id", "groups", OnParentDelete::Cascade, None),
    ("conflicts", "course_id", "courses", OnParentDelete::Cascade, None),
    ("conflicts", "author_id", "users", OnParentDelete::Cascade, None),
    ("held_changes", "author_id", "users", OnParentDelete::Cascade, None),
    ("offered_rows", "offered_by", "users", OnParentDelete::Cascade, None),
    ("offered_rows", "person_id", "users", OnParentDelete::Cascade, None),
];

/// Table, column, smallest and largest value.
const RANGES: &[(&str, &str, i64, i64)] = &[
    ("topic_progress", "reset_number", 0, i64::MAX),
    ("topic_progress", "percent", 0, 100),
    ("topic_progress", "seconds_watched", 0, i64::MAX),
    ("topic_progress", "time_spent_seconds", 0, i64::MAX),
    ("station_equipment", "quantity", 0, i64::MAX),
    ("courses", "price_minor", 0, i64::MAX),
    ("assessment_attempts", "attempt_number", 1, i64::MAX),
];

/// Table, columns of a unique key, whether case is ignored, whether it is unique across organizations, and its name.
const UNIQUE: &[(&str, &[&str], bool, bool, &str)] = &[
    ("users", &["user_name"], true, true, "users_user_name_key"),
    ("users", &["email"], true, true, "users_email_key"),
    ("stations", &["code"], false, false, "stations_code_key"),
    ("courses", &["slug"], false, false, "courses_slug_key"),
    ("courses", &["course_code"], false, false, "courses_course_code_key"),
    ("assessment_attempts", &["user_id", "assessment_id", "attempt_number"], false, true, "assessment_attempts_attempt_number_key"),
];

/// Tables whose rules are implemented. A push to another table fails, because it would skip that table's constraints.
const KNOWN: &[&str] = &[
    "organizations",
    "users",
    "staff_cards",
    "user_profiles",
    "student_profiles",
    "guardian_links",
    "groups",
    "group_memberships",
    "group_membership_periods",
    "stations",
    "station_equipment",
    "courses",
    "modules",
    "topics",
    "assessments",
    "questions",
    "answer_keys",
    "assessment_attempts",
    "enrollments",
    "topic_progress",
    "attendance_records",
    "devices",
    "conflicts",
    "held_changes",
    "offered_rows",
];

/// Refuses tables whose rules are not implemented.
pub fn check_simulated(entity: &Entity) -> Result<(), Failure> {
    if KNOWN.contains(&entity.name) { Ok(()) } else { Err(Failure::broken(format!("{} is not simulated", entity.name))) }
}

/// The columns of every constraint, by name.
pub fn columns() -> HashMap<String, Vec<String>> {
    let owned = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>();
    let mut all = HashMap::new();
    for (child, column, _, _, with) in REFERENCES {
        let mut names = vec![*column];
        names.extend(with);
        names.push("organization_id");
        all.insert(format!("{child}_{column}_fkey"), owned(&names));
    }
    for (table, column, _, _) in RANGES {
        all.insert(format!("{table}_{column}_check"), owned(&[column]));
    }
    for (_, columns, _, everywhere, name) in UNIQUE {
        let mut names = if *everywhere { Vec::new() } else { vec!["organization_id"] };
        names.extend(*columns);
        all.insert((*name).to_owned(), owned(&names));
    }
    all.insert("group_memberships_left_at_check".into(), owned(&["is_active", "left_at", "joined_at"]));
    all
}

fn refused(code: Code, constraint: impl Into<String>) -> Failure {
    let constraint = constraint.into();
    Failure::Refused(Refusal { code, text: constraint.clone(), constraint })
}

/// Checks a row's values, and its unique keys against all other rows.
pub fn check(writing: &MemoryWriting, entity: &'static Entity, id: &Uuid, row: &Row) -> Result<(), Failure> {
    for (_, column, least, most) in RANGES.iter().filter(|(of, ..)| *of == entity.name) {
        if value(entity, &row.values, column).as_i64().is_some_and(|number| !(*least..=*most).contains(&number)) {
            return Err(refused(Code::RuleBroken, format!("{}_{column}_check", entity.name)));
        }
    }
    if entity.name == "group_memberships" {
        let at = |name: &str| value(entity, &row.values, name).as_i64();
        let agrees = (value(entity, &row.values, "is_active") == true) == at("left_at").is_none();
        if !agrees || at("left_at").is_some_and(|left| Some(left) < at("joined_at")) {
            return Err(refused(Code::RuleBroken, "group_memberships_left_at_check"));
        }
    }
    for (_, columns, folded, everywhere, name) in UNIQUE.iter().filter(|(of, ..)| *of == entity.name) {
        let key = |row: &Row| -> Option<Vec<String>> {
            let text = |column: &&str| match value(entity, &row.values, column) {
                Value::Null => None,
                Value::String(text) if *folded => Some(text.to_lowercase()),
                value => Some(value.to_string()),
            };
            columns.iter().map(text).collect()
        };
        let Some(wanted) = key(row) else { continue };
        let taken = writing.read(|state| {
            state.rows(entity).any(|(other, there)| {
                other != id && (*everywhere || there.organization_id == row.organization_id) && key(there).as_ref() == Some(&wanted)
            })
        });
        if taken {
            return Err(refused(Code::Taken, *name));
        }
    }
    if entity.name == "users" { sign_in_names(writing, id, row) } else { Ok(()) }
}

/// Refuses a user name that is another account's address, and an address that is another account's user name.
fn sign_in_names(writing: &MemoryWriting, id: &Uuid, row: &Row) -> Result<(), Failure> {
    let users = table("users");
    let name = |row: &Row, column: &str| value(users, &row.values, column).as_str().map(str::to_lowercase).filter(|name| !name.is_empty());
    let before = writing.row(users, *id);
    for (column, others) in [("user_name", "email"), ("email", "user_name")] {
        let wanted = name(row, column);
        // Unchanged names are not checked again.
        if wanted.is_none() || before.as_ref().is_some_and(|before| name(before, column) == wanted) {
            continue;
        }
        if writing.read(|state| state.rows(users).any(|(other, there)| other != id && name(there, others) == wanted)) {
            return Err(refused(Code::Taken, format!("users_{column}_key")));
        }
    }
    Ok(())
}

/// Checks a row's foreign keys. Unchanged references are not checked again.
pub fn references(writing: &MemoryWriting, entity: &'static Entity, before: Option<&Row>, row: &Row) -> Result<(), Failure> {
    for (_, column, parent, _, with) in REFERENCES.iter().filter(|(child, ..)| *child == entity.name) {
        let parent = table(parent);
        let Some(id) = id_in(entity, &row.values, column) else { continue };
        if before.is_some_and(|before| id_in(entity, &before.values, column) == Some(id)) {
            continue;
        }
        let there = writing.row(parent, id).filter(|found| {
            found.organization_id == row.organization_id
                && with.is_none_or(|with| value(parent, &found.values, with) == value(entity, &row.values, with))
        });
        if there.is_none() {
            return Err(refused(Code::MissingReference, format!("{}_{column}_fkey", entity.name)));
        }
    }
    Ok(())
}

/// Applies the delete rules to the rows that reference a deleted row.
pub fn deleted(writing: &mut MemoryWriting, entity: &'static Entity, id: Uuid) -> Result<(), Failure> {
    let children = |writing: &MemoryWriting, child: &'static Entity, column: &str| {
        writing.find(child, |row| id_in(child, &row.values, column) == Some(id))
    };
    let of_parent = || REFERENCES.iter().filter(|(_, _, parent, ..)| *parent == entity.name);
    for (child, column, _, rule, _) in of_parent().filter(|(_, _, _, rule, _)| *rule != OnParentDelete::Refuse) {
        let child = table(child);
        for (child_id, row) in children(writing, child, column) {
            if *rule == OnParentDelete::Cascade {
                writing.note_cascaded(child_id);
                writing.delete_row(child, child_id)?;
            } else {
                let mut values = row.values.clone();
                super::tables::set(child, &mut values, column, Value::Null);
                writing.update_row(child, child_id, values, row.edits.clone())?;
            }
        }
    }
    for (child, column, ..) in of_parent().filter(|(_, _, _, rule, _)| *rule == OnParentDelete::Refuse) {
        if !children(writing, table(child), column).is_empty() {
            return Err(refused(Code::MissingReference, format!("{child}_{column}_fkey")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use waystation_model::registry::{OnDelete, all, entity};

    use super::*;

    /// References whose column no step of a history writes, or whose parent no step deletes.
    const NEVER_WRITTEN: &[(&str, &str)] = &[
        ("group_membership_periods", "membership_id"),
        ("group_membership_periods", "group_id"),
        ("group_membership_periods", "user_id"),
        ("assessments", "module_id"),
        ("assessments", "topic_id"),
        ("assessments", "created_by"),
        ("assessment_attempts", "graded_by"),
    ];

    #[test]
    fn references_match_the_registry() {
        for (child, column, parent, rule, with) in REFERENCES {
            let column = entity(child).and_then(|entity| entity.column(column)).expect("a registered column");
            let reference = column.references.expect("a registered reference");
            let on_delete = match rule {
                OnParentDelete::Refuse => OnDelete::Restrict,
                OnParentDelete::Cascade => OnDelete::Cascade,
                OnParentDelete::SetNull => OnDelete::SetNull,
            };
            assert_eq!((reference.table(), reference.on_delete), (Some(*parent), on_delete), "{child}.{}", column.name);
            // `published` is copied from the parent before constraints are checked.
            let same: Vec<&str> = reference.same.iter().copied().filter(|name| *name != "published").collect();
            assert_eq!(same, with.iter().copied().collect::<Vec<_>>(), "{child}.{}", column.name);
        }
    }

    #[test]
    fn references_between_simulated_tables_are_simulated() {
        for entity in all().iter().filter(|entity| KNOWN.contains(&entity.name)) {
            for column in entity.columns {
                let Some(reference) = column.references.filter(|reference| reference.on_delete != OnDelete::Keep) else { continue };
                let key = (entity.name, column.name);
                let simulated = REFERENCES.iter().any(|(child, column, ..)| (*child, *column) == key);
                let parent_is_simulated = reference.table().is_some_and(|parent| KNOWN.contains(&parent));
                assert!(simulated || !parent_is_simulated || NEVER_WRITTEN.contains(&key), "{}.{}", entity.name, column.name);
            }
        }
    }
}
