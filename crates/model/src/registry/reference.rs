//! Which table an id points at, and what deleting a row does to the rows that point at it.
//!
//! PostgreSQL enforces it with the foreign keys of `migrations/server`; a laptop has a part of the rows and so no foreign key.

use std::collections::BTreeSet;

use super::{Column, Entity, Merge, all};

/// What becomes of a row when the row that its column points at is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The delete is refused with `in_use`, unless this row goes with the same delete.
    Restrict,
    /// This row is deleted too.
    Cascade,
    /// The column is emptied.
    SetNull,
    /// The column keeps the id: there is no foreign key.
    Keep,
}

/// What a column's id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A row of this table. One that is not registered comes with a later version.
    Table(&'static str),
    /// A row of the table that this column names.
    TableIn(&'static str),
}

/// A column that holds another row's id.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// What the id names.
    pub target: Target,
    /// What becomes of the row when the other one is deleted.
    pub on_delete: OnDelete,
    /// Columns of both tables that have to be equal in both rows, beside `organization_id`.
    pub same: &'static [&'static str],
}

impl Reference {
    /// The table that it points at, when that is always the same one.
    pub const fn table(&self) -> Option<&'static str> {
        match self.target {
            Target::Table(table) => Some(table),
            Target::TableIn(_) => None,
        }
    }

    /// Whether the database carries a change of the other row's `same` columns over to this row.
    pub fn follows(&self, entity: &Entity) -> bool {
        let carried = |column: &Column| matches!(column.merge, Merge::Carried | Merge::Server);
        self.on_delete != OnDelete::Keep && self.same.iter().any(|name| entity.column(name).is_some_and(carried))
    }
}

/// Every column that points at rows of `table`, in the registry's order.
pub fn pointing_at(table: &str) -> impl Iterator<Item = (&'static Entity, &'static Column, OnDelete)> {
    let columns = all().iter().flat_map(|entity| entity.columns.iter().map(move |column| (*entity, column)));
    columns.filter_map(move |(entity, column)| {
        let reference = column.references.filter(|reference| reference.table() == Some(table))?;
        Some((entity, column, reference.on_delete))
    })
}

/// What deleting a row of one table may do to others, followed through everything that goes with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Tables of which rows are deleted too.
    pub deletes: Vec<&'static str>,
    /// Tables and columns that are emptied.
    pub empties: Vec<(&'static str, &'static str)>,
    /// Tables and columns of rows that have to be gone before, or the delete is refused with `in_use`.
    pub refused_by: Vec<(&'static str, &'static str)>,
}

/// What deleting a row of this table may do.
pub fn deletion(table: &'static str) -> Deletion {
    let mut deletion = Deletion::default();
    let mut seen = BTreeSet::from([table]);
    let mut waiting = vec![table];
    while let Some(parent) = waiting.pop() {
        for (child, column, on_delete) in pointing_at(parent) {
            let place = (child.name, column.name);
            match on_delete {
                OnDelete::Cascade if seen.insert(child.name) => {
                    deletion.deletes.push(child.name);
                    waiting.push(child.name);
                }
                OnDelete::SetNull if !deletion.empties.contains(&place) => deletion.empties.push(place),
                OnDelete::Restrict if !deletion.refused_by.contains(&place) => deletion.refused_by.push(place),
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

    /// Tables that come with a later version: columns that will point at them are there already.
    const LATER: &[&str] = &["departments", "certificate_templates"];

    #[test]
    fn every_id_says_what_it_points_at() {
        for entity in all() {
            for column in entity.columns {
                let Some(reference) = column.references else {
                    assert_ne!(column.kind, Kind::Uuid, "{}.{} points at nothing", entity.name, column.name);
                    continue;
                };
                assert_eq!(column.kind, Kind::Uuid, "{}.{}", entity.name, column.name);
                match reference.target {
                    Target::TableIn(other) => assert!(entity.column(other).is_some_and(|other| other.kind == Kind::Text)),
                    Target::Table(table) => match super::super::entity(table) {
                        Some(parent) => {
                            let both = |name: &&str| entity.column(name).is_some() && parent.column(name).is_some();
                            assert!(reference.same.iter().all(both), "{}.{}: {:?}", entity.name, column.name, reference.same);
                        }
                        None => assert!(LATER.contains(&table) && reference.on_delete == OnDelete::Keep, "{table}"),
                    },
                }
                assert!(reference.on_delete != OnDelete::SetNull || column.nullable, "{}.{}", entity.name, column.name);
            }
        }
    }

    #[test]
    fn deleting_a_station_takes_its_parts_and_empties_what_names_it() {
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
    fn deleting_a_topic_is_refused_by_what_people_have_done() {
        let topic = deletion("topics");
        assert_eq!(topic.deletes, ["content_items", "assessments", "questions", "question_options", "answer_keys"]);
        assert!(topic.refused_by.contains(&("topic_progress", "topic_id")));
        assert!(topic.refused_by.contains(&("assessment_attempts", "assessment_id")));
    }

    #[test]
    fn what_follows_its_parent_is_what_only_the_parent_changes() {
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
