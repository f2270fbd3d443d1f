//! One declaration per synced table. All generic row handling is driven by it.
//!
//! To add a table, write one migration for each database and one [`Entity`] here.

mod check;
mod column;
mod constraint;
pub mod entries;
mod record;
mod reference;
pub mod rules;
mod written;

pub(crate) use check::TIMESTAMP_MS_MAX;
pub use check::{INTEGER_MAX, check_value, normal, read_timestamp_ms};
pub use column::{Column, Kind, Merge, carried, column, key};
pub use constraint::{Check, Constraints, Format, Range, Rule, Unique, check, constraints, unique};
pub use record::{Label, NamedIn, Purpose, Record, Section, listed, record};
pub use reference::{Deletion, OnDelete, Reference, Target, deletion, pointing_at};
pub use written::{is_readable_tuple, written_bytes};

use serde_json::Value;
use uuid::Uuid;

use crate::access::Rules;
use crate::ids::derived_id;
use crate::scope::ScopeKind;

/// How the id of a row is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdRule {
    /// UUIDv7, generated where the row is created.
    Generated,
    /// UUIDv5 of these columns, the same on every device. They never change.
    Derived(&'static [&'static str]),
}

/// A rule that puts a row into one scope, by the row's own columns.
#[derive(Debug, Clone, Copy)]
pub struct ScopeRule {
    /// The kind of the scope.
    pub kind: ScopeKind,
    /// The column that holds the id after the colon: `id` for the row's own, `organization_id` for the organization's.
    pub column: &'static str,
    /// The row is in the scope only while this condition holds; none: always.
    pub when: Option<When>,
}

/// A condition on one column of the row.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// The text or choice column equals this.
    Equals(&'static str, &'static str),
    /// The text or choice column differs from this, or is null.
    Differs(&'static str, &'static str),
    /// The boolean column is true.
    True(&'static str),
    /// The boolean column is false or null.
    False(&'static str),
    /// The column is null.
    Null(&'static str),
}

impl When {
    /// The column that the condition reads.
    pub const fn column(self) -> &'static str {
        match self {
            When::Equals(column, _) | When::Differs(column, _) | When::True(column) | When::False(column) | When::Null(column) => column,
        }
    }
}

/// Puts a row into the scope of this kind whose id is in `column`.
pub const fn in_scope(kind: ScopeKind, column: &'static str) -> ScopeRule {
    ScopeRule { kind, column, when: None }
}

impl ScopeRule {
    /// Limits the rule to rows for which a condition holds.
    pub const fn when(mut self, when: When) -> ScopeRule {
        self.when = Some(when);
        self
    }
}

/// Whose subscriptions a change of this table may change.
#[derive(Debug, Clone, Copy)]
pub enum AccessRule {
    /// The user whom this column names.
    User(&'static str),
    /// Every administrator of the organization.
    Administrators,
    /// Everybody in the organization.
    Everybody,
    /// The users of another table's rows whose `link` is this row's id, whenever `when` of this row changes.
    Through {
        /// The other table. Its column `user_id` names the users.
        table: &'static str,
        /// Its column that holds this row's id.
        link: &'static str,
        /// This table's column on which their subscriptions depend.
        when: &'static str,
    },
}

/// One synced table.
#[derive(Debug)]
pub struct Entity {
    /// The table's name in both databases, in Rust, on the wire and in TypeScript.
    pub name: &'static str,
    /// A small number for the feed. Never reused for another table.
    pub code: i16,
    /// The row's columns beyond `id`, `organization_id`, `created_at`, `updated_at` and `stamp`, in wire order.
    pub columns: &'static [Column],
    /// How the id is made.
    pub id: IdRule,
    /// The scopes that contain a row. A row in no scope stays on the server.
    pub scopes: &'static [ScopeRule],
    /// Who may create and change a row: the rule must hold for the old row and for the new one.
    pub write: Rules,
    /// Who may delete a row.
    pub delete: Rules,
    /// Whose subscriptions depend on this table's rows.
    pub access: &'static [AccessRule],
    /// What the database checks of its rows beside the kinds, ranges and formats of the columns.
    pub constraints: Constraints,
    /// How people meet its rows.
    pub record: Record,
}

impl Entity {
    /// Whether rights depend on rows of this table.
    pub const fn gives_rights(&self) -> bool {
        !self.access.is_empty()
    }

    /// Whether a change of a row is held when its author has lost the right.
    pub const fn may_be_held(&self) -> bool {
        self.record.never_held.is_none()
    }

    /// Whether the row's scopes depend on the id in this column.
    pub fn is_scoped_by(&self, column: &str) -> bool {
        self.scopes.iter().any(|rule| rule.column == column)
    }

    /// A column's declaration.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A column's index among the values of a row.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The groups of columns that merge as `latest`, `latest, quiet` or `ask`: `edits` records their last change.
    pub fn tracked_groups(&self) -> Vec<&'static str> {
        let mut groups: Vec<&'static str> = Vec::new();
        for column in self.columns {
            if let Some(group) = column.tracked_group()
                && !groups.contains(&group)
            {
                groups.push(group);
            }
        }
        groups
    }

    /// The columns of one tracked group with their indexes, the column that decides about a conflict first.
    pub fn group_columns<'a>(&'a self, group: &'a str) -> impl Iterator<Item = (usize, &'static Column)> + 'a {
        self.columns.iter().enumerate().filter(move |(_, column)| column.tracked_group() == Some(group))
    }

    /// The derived id of a row with these values; none when ids of this table are not derived. A key that is not text counts as
    /// null.
    pub fn id_of(&self, values: &[Value]) -> Option<Uuid> {
        match self.id {
            IdRule::Generated => None,
            IdRule::Derived(keys) => Some(derived_id(
                self.name,
                keys.iter().map(|key| self.column_index(key).and_then(|index| values.get(index)).and_then(Value::as_str)),
            )),
        }
    }

    /// The derived id of a row with these fields; none when they do not contain the whole key.
    pub fn id_of_fields(&self, fields: &[(usize, Value)]) -> Option<Uuid> {
        let IdRule::Derived(keys) = self.id else { return None };
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let index = self.column_index(key)?;
            values.push(fields.iter().find(|(given, _)| *given == index)?.1.as_str());
        }
        Some(derived_id(self.name, values))
    }

    /// The scopes that contain a row with these values, each once: two rules may name the same one, as for a message to oneself.
    pub fn scopes_of(&self, id: &Uuid, organization_id: &Uuid, values: &[Value]) -> Vec<String> {
        let mut scopes: Vec<String> = Vec::with_capacity(self.scopes.len());
        for rule in self.scopes.iter().filter(|rule| rule.when.is_none_or(|when| self.holds(when, values))) {
            let scope = match rule.column {
                "id" => Some(rule.kind.of(id)),
                "organization_id" => Some(rule.kind.of(organization_id)),
                column => {
                    let value = self.column_index(column).and_then(|index| values.get(index)?.as_str());
                    value.map(|value| rule.kind.of(value))
                }
            };
            scopes.extend(scope.filter(|scope| !scopes.contains(scope)));
        }
        scopes
    }

    /// Whether a condition holds for a row with these values.
    pub fn holds(&self, when: When, values: &[Value]) -> bool {
        let value = |column| self.column_index(column).and_then(|index| values.get(index)).unwrap_or(&Value::Null);
        match when {
            When::Equals(column, text) => value(column).as_str() == Some(text),
            When::Differs(column, text) => value(column).as_str() != Some(text),
            When::True(column) => value(column).as_bool() == Some(true),
            When::False(column) => value(column).as_bool() != Some(true),
            When::Null(column) => value(column).is_null(),
        }
    }

    /// The values of a new row: every column's default.
    pub fn empty_values(&self) -> Vec<Value> {
        self.columns.iter().map(Column::default_value).collect()
    }
}

/// Every registered table, parents before children.
pub fn all() -> &'static [&'static Entity] {
    entries::ALL
}

/// The table of this name.
pub fn entity(name: &str) -> Option<&'static Entity> {
    all().iter().find(|entity| entity.name == name).copied()
}

/// The table with this code.
pub fn entity_by_code(code: i16) -> Option<&'static Entity> {
    all().iter().find(|entity| entity.code == code).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_codes_are_unique() {
        let names: HashSet<_> = all().iter().map(|entity| entity.name).collect();
        let codes: HashSet<_> = all().iter().map(|entity| entity.code).collect();
        assert_eq!(names.len(), all().len());
        assert_eq!(codes.len(), all().len());
    }

    #[test]
    fn rules_name_columns_that_exist() {
        for entity in all() {
            let known = |column: &str| column == "id" || column == "organization_id" || entity.column(column).is_some();
            for rule in entity.scopes {
                assert!(known(rule.column), "{}: scope column {}", entity.name, rule.column);
                if let Some(
                    When::Equals(column, _) | When::Differs(column, _) | When::True(column) | When::False(column) | When::Null(column),
                ) = rule.when
                {
                    assert!(known(column), "{}: condition on {column}", entity.name);
                }
            }
            for rule in entity.access {
                match rule {
                    AccessRule::User(column) => assert!(known(column), "{}: access by {column}", entity.name),
                    AccessRule::Administrators | AccessRule::Everybody => {}
                    AccessRule::Through { table, link, when } => {
                        assert!(known(when), "{}: access when {when}", entity.name);
                        let through = super::entity(table).unwrap_or_else(|| panic!("{}: access through {table}", entity.name));
                        assert!(through.column(link).is_some() && through.column("user_id").is_some(), "{table}: {link}");
                    }
                }
            }
            if let IdRule::Derived(keys) = entity.id {
                for key in keys {
                    let column = entity.column(key).unwrap_or_else(|| panic!("{}: key {key}", entity.name));
                    assert_eq!(column.merge, Merge::Key, "{}: {key} is part of the id", entity.name);
                }
            }
            let resets = entity.columns.iter().filter(|column| column.merge == Merge::Reset).count();
            let furthest = entity.columns.iter().any(|column| matches!(column.merge, Merge::Furthest | Merge::Earliest));
            assert_eq!(resets, usize::from(furthest), "{}: one reset number goes with furthest columns", entity.name);
        }
    }

    #[test]
    fn a_test_is_in_its_course_scope_or_without_a_course_in_org_staff() {
        let assessments = entity("assessments").expect("a registered table");
        let (id, organization) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let course = Uuid::from_u128(3).to_string();
        let scopes = |course: Value, published: bool| {
            let mut values = assessments.empty_values();
            values[assessments.column_index("course_id").expect("a column")] = course;
            values[assessments.column_index("published").expect("a column")] = published.into();
            assessments.scopes_of(&id, &organization, &values)
        };
        assert_eq!(scopes(Value::Null, false), [format!("org_staff:{organization}")]);
        assert_eq!(scopes(course.clone().into(), false), [format!("course_staff:{course}")]);
        assert_eq!(scopes(course.clone().into(), true), [format!("course:{course}")]);
    }

    #[test]
    fn an_answer_key_is_in_the_course_scope_only_when_it_is_shared() {
        let keys = entity("answer_keys").expect("a registered table");
        let course = Uuid::from_u128(3).to_string();
        let mut values = keys.empty_values();
        values[keys.column_index("course_id").expect("a column")] = course.clone().into();
        assert_eq!(keys.scopes_of(&Uuid::nil(), &Uuid::nil(), &values), [format!("course_staff:{course}")]);
        values[keys.column_index("shared").expect("a column")] = true.into();
        assert_eq!(keys.scopes_of(&Uuid::nil(), &Uuid::nil(), &values), [format!("course_staff:{course}"), format!("course:{course}")]);
    }

    #[test]
    fn key_columns_of_a_derived_id_table_are_part_of_the_id() {
        // Two laptops may create the same row at once. Columns outside the id may then differ, so they have to merge.
        for entity in all() {
            if let IdRule::Derived(keys) = entity.id {
                for column in entity.columns.iter().filter(|column| column.merge == Merge::Key) {
                    assert!(keys.contains(&column.name), "{}.{} would refuse the second laptop", entity.name, column.name);
                }
            }
        }
    }

    #[test]
    fn a_payment_names_a_group_whose_teacher_does_not_see_it() {
        let is_scoped_by = |table: &str, column: &str| entity(table).expect("a registered table").is_scoped_by(column);
        assert!(is_scoped_by("attendance_records", "group_id") && is_scoped_by("enrollments", "course_id"));
        assert!(!is_scoped_by("payments", "group_id") && !is_scoped_by("purchases", "course_id"));
    }

    #[test]
    fn a_message_to_oneself_is_in_its_scope_once() {
        let messages = entity("messages").expect("a table");
        let me = Uuid::from_u128(7);
        let mut values = messages.empty_values();
        for name in ["sender_id", "recipient_id"] {
            values[messages.column_index(name).expect("a column")] = me.to_string().into();
        }
        assert_eq!(messages.scopes_of(&Uuid::nil(), &Uuid::nil(), &values), [format!("user:{me}")]);
    }

    #[test]
    fn a_default_fits_its_column() {
        for entity in all() {
            for column in entity.columns {
                let value = column.default_value();
                assert!(value.is_null() || check_value(column, &value).is_ok(), "{}.{}: {value}", entity.name, column.name);
            }
        }
    }
}
