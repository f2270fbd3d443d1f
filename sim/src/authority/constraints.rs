//! The database's constraints: checks, unique keys and foreign keys, as the registry declares them.

use serde_json::Value;
use sync_server::failure::{Failure, Refusal};
use uuid::Uuid;
use waystation_model::Code;
use waystation_model::registry::{Column, Entity, OnDelete, Reference, pointing_at, rules};

use super::table;
use super::tables::{Row, id_in, set, value};
use super::writing::MemoryWriting;
use crate::faults::Fault;

fn refused(code: Code, constraint: impl Into<String>) -> Failure {
    let constraint = constraint.into();
    Failure::Refused(Refusal { code, text: constraint.clone(), constraint })
}

/// Checks a row's values, and its unique keys against all other rows.
pub fn check(writing: &MemoryWriting, entity: &'static Entity, id: &Uuid, row: &Row) -> Result<(), Failure> {
    if entity.columns.iter().zip(&row.values).any(|(column, value)| !column.nullable && value.is_null()) {
        return Err(refused(Code::MissingValue, ""));
    }
    if let Some(broken) = rules::broken(entity, &row.values) {
        return Err(refused(Code::RuleBroken, broken.name.clone()));
    }
    for unique in entity.constraints.unique {
        let Some(key) = unique.key_of(entity, &row.values) else { continue };
        let taken = writing.read(|state| {
            state.rows(entity).any(|(other, there)| {
                other != id
                    && (!unique.within_organization || there.organization_id == row.organization_id)
                    && unique.key_of(entity, &there.values).as_ref() == Some(&key)
            })
        });
        if taken {
            return Err(refused(Code::Taken, unique.name(entity)));
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

/// The foreign keys of a table: each column that references another table's rows, with its parent.
fn foreign_keys(entity: &'static Entity) -> impl Iterator<Item = (&'static Column, Reference, &'static Entity)> {
    entity.columns.iter().filter_map(|column| Some((column, column.references?, column.enforced()?)))
}

/// Checks a row's foreign keys. Unchanged references are not checked again, and a key with a null part is not checked.
pub fn references(writing: &MemoryWriting, entity: &'static Entity, before: Option<&Row>, row: &Row) -> Result<(), Failure> {
    for (column, reference, parent) in foreign_keys(entity) {
        let Some(id) = id_in(entity, &row.values, column.name) else { continue };
        let key = || reference.same.iter().chain([&column.name]);
        let is_same = |before: &Row| key().all(|name| value(entity, &before.values, name) == value(entity, &row.values, name));
        if before.is_some_and(is_same) || reference.same.iter().any(|name| value(entity, &row.values, name).is_null()) {
            continue;
        }
        if !is_within(writing, row, id, parent)
            || writing.row(parent, id).is_none_or(|found| {
                reference.same.iter().any(|name| value(parent, &found.values, name) != value(entity, &row.values, name))
            })
        {
            return Err(missing(entity, column));
        }
    }
    Ok(())
}

/// Checks that the rows that these columns name exist in the row's own organization, before triggers read them.
pub fn references_within(writing: &MemoryWriting, entity: &'static Entity, columns: &[&str], row: &Row) -> Result<(), Failure> {
    for (column, _, parent) in foreign_keys(entity).filter(|(column, ..)| columns.contains(&column.name)) {
        if id_in(entity, &row.values, column.name).is_some_and(|id| !is_within(writing, row, id, parent)) {
            return Err(missing(entity, column));
        }
    }
    Ok(())
}

fn is_within(writing: &MemoryWriting, row: &Row, id: Uuid, parent: &Entity) -> bool {
    let found = writing.row(parent, id);
    found.is_some_and(|found| found.organization_id == row.organization_id || writing.has(Fault::ForeignOrganization))
}

fn missing(entity: &Entity, column: &Column) -> Failure {
    refused(Code::MissingReference, format!("{}_{}_fkey", entity.name, column.name))
}

/// Copies changed columns of a row to the rows whose foreign keys include them.
pub fn follow(writing: &mut MemoryWriting, entity: &'static Entity, id: Uuid, before: &Row, row: &Row) -> Result<(), Failure> {
    for (child, column, _) in pointing_at(entity.name) {
        let Some(reference) = column.references.filter(|reference| reference.follows(child)) else { continue };
        if writing.has(Fault::ForgetFollow) {
            continue;
        }
        let differs = |name: &&&str| value(entity, &before.values, name) != value(entity, &row.values, name);
        if !reference.same.iter().any(|name| differs(&name)) {
            continue;
        }
        for (child_id, found) in writing.find(child, |row| id_in(child, &row.values, column.name) == Some(id)) {
            let mut values = found.values.clone();
            for name in reference.same {
                set(child, &mut values, name, value(entity, &row.values, name).clone());
            }
            writing.update_row(child, child_id, values, found.edits.clone())?;
        }
    }
    Ok(())
}

/// Applies the delete rules to the rows that reference a deleted row: deletes them, or empties their references.
pub fn cascade(writing: &mut MemoryWriting, entity: &'static Entity, id: Uuid) -> Result<(), Failure> {
    for (child, column, on_delete) in pointing_at(entity.name) {
        if !matches!(on_delete, OnDelete::Cascade | OnDelete::SetNull) {
            continue;
        }
        for (child_id, row) in writing.find(child, |row| id_in(child, &row.values, column.name) == Some(id)) {
            if on_delete == OnDelete::Cascade {
                writing.note_cascaded(child_id);
                writing.delete_one(child, child_id)?;
            } else {
                writing.note_emptied(child_id, column.name);
                let mut values = row.values.clone();
                set(child, &mut values, column.name, Value::Null);
                writing.update_row(child, child_id, values, row.edits.clone())?;
            }
        }
    }
    Ok(())
}

/// Refuses a delete while a row that was not deleted with it references the deleted row.
pub fn check_deleted(writing: &MemoryWriting, entity: &'static Entity, id: Uuid) -> Result<(), Failure> {
    for (child, column, on_delete) in pointing_at(entity.name) {
        if on_delete == OnDelete::Restrict && !writing.find(child, |row| id_in(child, &row.values, column.name) == Some(id)).is_empty() {
            return Err(missing(child, column));
        }
    }
    Ok(())
}
