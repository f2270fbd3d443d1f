//! Which table an id references, and what deleting a row does to the rows that reference it.
//!
//! PostgreSQL enforces this with the foreign keys of `migrations/server`. A laptop has only a part of the rows, so it has no
//! foreign keys.

use std::collections::BTreeSet;

use super::{Column, Entity, Merge, all};

/// What happens to a row when the row that it references is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The delete is refused with `in_use`, unless the same delete removes this row too.
    Restrict,
    /// This row is deleted too.
    Cascade,
    /// The column is set to null.
    SetNull,
    /// The column keeps the id: there is no foreign key.
    Keep,
}

/// The target of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A row of this table.
    Table(&'static str),
    /// A row of the table that this column names.
    TableIn(&'static str),
}

/// A column that holds another row's id.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// The table of the referenced row.
    pub target: Target,
    /// What happens to this row when the referenced row is deleted.
    pub on_delete: OnDelete,
    /// Columns of both tables that have to be equal in both rows, beside `organization_id`.
    pub same: &'static [&'static str],
}

impl Reference {
    /// The referenced table, when it is fixed.
    pub const fn table(&self) -> Option<&'static str> {
        match self.target {
            Target::Table(table) => Some(table),
            Target::TableIn(_) => None,
        }
    }

    /// Whether the database copies a change of the referenced row's `same` columns to this row.
    pub fn follows(&self, entity: &Entity) -> bool {
        let carried = |column: &Column| matches!(column.merge, Merge::Carried | Merge::Server);
        self.on_delete != OnDelete::Keep && self.same.iter().any(|name| entity.column(name).is_some_and(carried))
    }
}

/// Every column that references rows of `table`, in the registry's order.
pub fn pointing_at(table: &str) -> impl Iterator<Item = (&'static Entity, &'static Column, OnDelete)> {
    let columns = all().iter().flat_map(|entity| entity.columns.iter().map(move |column| (*entity, column)));
    columns.filter_map(move |(entity, column)| {
        let reference = column.references.filter(|reference| reference.table() == Some(table))?;
        Some((entity, column, reference.on_delete))
    })
}

/// What deleting a row of one table may do to other tables, through all cascades.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Tables whose rows are deleted too.
    pub deletes: Vec<&'static str>,
    /// Tables and columns that are set to null.
    pub empties: Vec<(&'static str, &'static str)>,
    /// Tables and columns whose references make the delete fail with `in_use`.
    pub refused_by: Vec<(&'static str, &'static str)>,
}

/// Computes what deleting a row of this table may do.
pub fn deletion(table: &'static str) -> Deletion {
    let mut deletion = Deletion::default();
    let mut seen = BTreeSet::from([table]);
    let mut waiting = vec![table];
    while let Some(parent) = waiting.pop() {
        for (child, column, on_delete) in pointing_at(parent) {
            let key = (child.name, column.name);
            match on_delete {
                OnDelete::Cascade if seen.insert(child.name) => {
                    deletion.deletes.push(child.name);
                    waiting.push(child.name);
                }
                OnDelete::SetNull if !deletion.empties.contains(&key) => deletion.empties.push(key),
                OnDelete::Restrict if !deletion.refused_by.contains(&key) => deletion.refused_by.push(key),
                _ => {}
            }
        }
    }
    let order = |table: &str| all().iter().position(|entity| entity.name == table);
    deletion.deletes.sort_by_key(|table| order(table));
    deletion.empties.sort_by_key(|(table, _)| order(table));
    deletion.refused_by.sort_by_key(|(table, _)| order(table));
    deletion
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, entity};
    use super::*;

    #[test]
    fn every_id_column_declares_its_reference() {
        for entity in all() {
            for column in entity.columns {
                let Some(reference) = column.references else {
                    assert_ne!(column.kind, Kind::Uuid, "{}.{} has no reference", entity.name, column.name);
                    continue;
                };
                assert_eq!(column.kind, Kind::Uuid, "{}.{}", entity.name, column.name);
                match reference.target {
                    Target::TableIn(other) => assert!(entity.column(other).is_some_and(|other| other.kind == Kind::Text)),
                    Target::Table(table) => {
                        let parent = super::super::entity(table).unwrap_or_else(|| panic!("no table {table}"));
                        let both = |name: &&str| entity.column(name).is_some() && parent.column(name).is_some();
                        assert!(reference.same.iter().all(both), "{}.{}: {:?}", entity.name, column.name, reference.same);
                    }
                }
                let may_be_emptied = column.nullable && column.merge != Merge::Key;
                assert!(reference.on_delete != OnDelete::SetNull || may_be_emptied, "{}.{}", entity.name, column.name);
            }
        }
    }

    #[test]
    fn deleting_a_station_deletes_its_parts_and_clears_references() {
        let station = deletion("stations");
        assert_eq!(
            station.deletes,
            [
                "station_gas_supply_sources",
                "station_equipment",
                "station_specifications",
                "station_safety_systems",
                "station_safety_system_features"
            ]
        );
        assert_eq!(station.empties, [("users", "station_id"), ("courses", "station_id")]);
        assert_eq!(station.refused_by, []);
    }

    #[test]
    fn deleting_a_topic_is_refused_while_it_has_progress_or_attempts() {
        let topic = deletion("topics");
        assert_eq!(
            topic.deletes,
            ["content_items", "assessments", "questions", "question_options", "answer_keys", "assessment_assignments", "path_steps"]
        );
        assert!(topic.refused_by.contains(&("topic_progress", "topic_id")));
        assert!(topic.refused_by.contains(&("assessment_attempts", "assessment_id")));
    }

    #[test]
    fn carried_columns_follow_their_parent() {
        let follows = |table: &str, name: &str| {
            let entity = entity(table).expect("a registered table");
            let column = entity.column(name).expect("a column");
            column.references.expect("a reference").follows(entity)
        };
        assert!(follows("modules", "course_id"));
        assert!(follows("content_items", "topic_id"));
        assert!(!follows("topics", "module_id"));
        assert!(!follows("courses", "station_id"));
    }
}
