//! Columns that name the author of a change, such as `marked_by`. A change cannot name anybody else there.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Code, Problem};
use crate::registry::{Column, Entity};

/// Whether changes of this table need [`attribute`].
pub fn is_attributed(entity: &Entity) -> bool {
    entity.columns.iter().any(|column| column.names_author || column.default_by_others.is_some())
}

/// Fills in the author wherever a change sets a group that has an author column. `stored` is the row before the change, if there
/// is one. `creates`: the change was made on no row. Then it gets the defaults of a new row even if another change has created the
/// row meanwhile; otherwise the order of arrival would decide whose defaults are stored.
///
/// # Errors
/// `not_allowed` when the change names somebody else.
pub fn attribute(
    entity: &Entity,
    stored: Option<&[Value]>,
    creates: bool,
    author: Uuid,
    fields: &mut Vec<(usize, Value)>,
) -> Result<(), Problem> {
    let me = json!(author.to_string());
    if creates {
        let made_by_another = |person: &str| value_of(entity, fields, person).is_some_and(|person| *person != me);
        let defaults: Vec<(usize, Value)> = columns(entity)
            .filter(|(index, _)| !contains(fields, *index))
            .filter_map(|(index, column)| {
                let (_, text) = column.default_by_others.filter(|(person, _)| made_by_another(person))?;
                Some((index, serde_json::from_str(text).expect("a registered default is JSON, which a test holds")))
            })
            .collect();
        fields.extend(defaults);
    }
    for (index, column) in columns(entity).filter(|(_, column)| column.names_author) {
        let given = fields.iter().find(|(given, _)| *given == index).map(|(_, value)| value);
        // A repeated key only identifies the row.
        let only_names_the_row = column.tracked_group().is_none() && stored.is_some_and(|stored| given == Some(&stored[index]));
        if given.is_some_and(|given| !given.is_null() && *given != me) && !only_names_the_row {
            return Err(Problem::new(Code::NotAllowed, format!("{} names the author of the change and nobody else", column.name))
                .field(column.name));
        }
        let Some(group) = column.tracked_group() else { continue };
        let of_group: Vec<usize> =
            entity.group_columns(group).map(|(of_group, _)| of_group).filter(|of_group| *of_group != index).collect();
        let are_set: Vec<bool> = fields.iter().filter(|(given, _)| of_group.contains(given)).map(|(_, value)| !value.is_null()).collect();
        if are_set.contains(&true) {
            fields.retain(|(given, _)| *given != index);
            fields.push((index, me.clone()));
        } else if !are_set.is_empty() && !contains(fields, index) {
            // Left unchanged, the column would name the author of an earlier change, which depends on the order of arrival.
            fields.push((index, Value::Null));
        }
    }
    Ok(())
}

fn columns(entity: &Entity) -> impl Iterator<Item = (usize, &Column)> {
    entity.columns.iter().enumerate()
}

fn contains(fields: &[(usize, Value)], index: usize) -> bool {
    fields.iter().any(|(given, _)| *given == index)
}

fn value_of<'f>(entity: &Entity, fields: &'f [(usize, Value)], name: &str) -> Option<&'f Value> {
    let index = entity.column_index(name)?;
    fields.iter().find(|(given, _)| *given == index).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Merge, all, check_value, entity};

    fn attributed(table: &str, stored: bool, author: u128, given: &[(&str, Value)]) -> Result<Vec<(&'static str, Value)>, Problem> {
        let entity = entity(table).expect("a registered table");
        let index = |name: &str| entity.column_index(name).expect("a column");
        let mut fields: Vec<(usize, Value)> = given.iter().map(|(name, value)| (index(name), value.clone())).collect();
        let values = entity.empty_values();
        attribute(entity, stored.then_some(values.as_slice()), !stored, Uuid::from_u128(author), &mut fields)?;
        Ok(fields.into_iter().map(|(index, value)| (entity.columns[index].name, value)).collect())
    }

    fn id(number: u128) -> Value {
        json!(Uuid::from_u128(number).to_string())
    }

    #[test]
    fn a_mark_names_its_author() {
        let late = [("status", json!("late"))];
        assert_eq!(attributed("attendance_records", true, 7, &late), Ok(vec![("status", json!("late")), ("marked_by", id(7))]));
        let note = [("note", json!("ill"))];
        assert_eq!(attributed("attendance_records", true, 7, &note), Ok(note.to_vec()), "a note is no mark");
        let unsigned = [("status", json!("late")), ("marked_by", Value::Null)];
        assert_eq!(attributed("attendance_records", false, 7, &unsigned), Ok(vec![("status", json!("late")), ("marked_by", id(7))]));
        let taken_back = [("status", Value::Null), ("marked_by", Value::Null)];
        assert_eq!(attributed("attendance_records", true, 7, &taken_back), Ok(taken_back.to_vec()));
        assert_eq!(attributed("attendance_records", true, 7, &[("status", Value::Null)]), Ok(taken_back.to_vec()));
    }

    #[test]
    fn naming_another_author_is_refused() {
        for (table, column) in [
            ("attendance_records", "marked_by"),
            ("enrollments", "enrolled_by"),
            ("conflicts", "settled_by"),
            ("assessments", "created_by"),
        ] {
            let refused = attributed(table, true, 7, &[(column, id(8))]).expect_err("somebody else is named");
            assert_eq!((refused.code, refused.fields), (Code::NotAllowed, vec![column.to_owned()]));
            assert_eq!(attributed(table, true, 7, &[(column, id(7))]), Ok(vec![(column, id(7))]));
        }
    }

    #[test]
    fn enrolling_another_person_is_an_assignment() {
        let aysel = [("user_id", id(8))];
        let signed = vec![("user_id", id(8)), ("enrollment_type", json!("assigned")), ("enrolled_by", id(7))];
        assert_eq!(attributed("enrollments", false, 7, &aysel), Ok(signed));
        assert_eq!(attributed("enrollments", false, 8, &aysel), Ok(aysel.to_vec()), "herself");
        assert_eq!(attributed("enrollments", true, 7, &aysel), Ok(aysel.to_vec()), "she is enrolled already");
    }

    #[test]
    fn author_columns_are_nullable_and_defaults_fit() {
        for entity in all() {
            for column in entity.columns {
                assert!(!column.names_author || (column.nullable && column.merge != Merge::Server), "{}.{}", entity.name, column.name);
                if let Some((person, text)) = column.default_by_others {
                    assert!(entity.column(person).is_some(), "{}.{}", entity.name, column.name);
                    let value = serde_json::from_str(text).expect("JSON");
                    assert!(check_value(column, &value).is_ok(), "{}.{}", entity.name, column.name);
                }
            }
        }
    }
}
