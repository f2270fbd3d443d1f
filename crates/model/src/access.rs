//! Who may write a row. Rights follow from what a person hears, so there is one source of both.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;
use uuid::Uuid;

use crate::registry::{Column, Entity, Merge};
use crate::scope::ScopeKind;

/// What a person is in their organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks after the organization.
    Admin,
    /// Trains people at a station and makes courses.
    Instructor,
    /// Teaches groups and marks attendance.
    Teacher,
    /// Studies.
    Learner,
    /// Looks in on their children.
    Parent,
}

impl Role {
    /// The role named by the word in `users.role`.
    pub fn parse(word: &str) -> Option<Role> {
        Some(match word {
            "admin" => Role::Admin,
            "instructor" => Role::Instructor,
            "teacher" => Role::Teacher,
            "learner" => Role::Learner,
            "parent" => Role::Parent,
            _ => return None,
        })
    }

    /// The word in `users.role`.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Instructor => "instructor",
            Role::Teacher => "teacher",
            Role::Learner => "learner",
            Role::Parent => "parent",
        }
    }

    /// Whether this role works for the organization.
    pub const fn is_staff(self) -> bool {
        matches!(self, Role::Admin | Role::Instructor | Role::Teacher)
    }
}

/// The person behind a push, and what they hear at that moment.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Their account.
    pub user_id: Uuid,
    /// Their organization.
    pub organization_id: Uuid,
    /// Their role.
    pub role: Role,
    /// The names of the scopes that they hear.
    pub scopes: HashSet<String>,
}

/// One condition on who writes a row. A rule is a list of conditions that must all hold.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    /// The column holds the writer's own id.
    Is(&'static str),
    /// The writer hears the scope of this kind that the column names.
    Hears(ScopeKind, &'static str),
    /// The writer has this role.
    Has(Role),
    /// The writer works for the organization.
    Staff,
    /// The column is empty.
    Empty(&'static str),
    /// The column holds this word.
    Equals(&'static str, &'static str),
}

impl Who {
    fn holds(self, entity: &Entity, id: &Uuid, values: &[Value], actor: &Actor) -> bool {
        let column = |name: &str| -> Option<Cow<'_, str>> {
            if name == "id" {
                return Some(id.to_string().into());
            }
            entity.column_index(name).and_then(|index| values.get(index)).and_then(Value::as_str).map(Cow::Borrowed)
        };
        match self {
            Who::Is(name) => column(name).is_some_and(|id| Uuid::parse_str(&id).is_ok_and(|id| id == actor.user_id)),
            Who::Hears(kind, name) => column(name).is_some_and(|id| actor.scopes.contains(&kind.of(id))),
            Who::Has(role) => actor.role == role,
            Who::Staff => actor.role.is_staff(),
            // Not every column holds text.
            Who::Empty(name) => name != "id" && entity.column_index(name).and_then(|index| values.get(index)).is_none_or(Value::is_null),
            Who::Equals(name, word) => column(name).as_deref() == Some(word),
        }
    }
}

/// Any one of these lists must hold entirely.
pub type Rules = &'static [&'static [Who]];

/// No laptop at all.
pub const NOBODY: Rules = &[];

/// Whether `actor` may write the row of this id with these values under these rules. A rule may name the column `id`.
pub fn allows(rules: Rules, entity: &Entity, id: &Uuid, values: &[Value], actor: &Actor) -> bool {
    rules.iter().any(|rule| rule.iter().all(|who| who.holds(entity, id, values, actor)))
}

/// The first of the given columns that `actor` may not give, although they may write the row. `stored` is the row before,
/// if there was one, and `values` the row with the change. A key given again only says which row is meant. A rule that asks
/// for a value asks what the change says, also where somebody else's later value stands: the order of arrival decides nothing.
pub fn refused_column(
    entity: &Entity,
    id: &Uuid,
    stored: Option<&[Value]>,
    fields: &[(usize, Value)],
    values: &[Value],
    actor: &Actor,
) -> Option<&'static Column> {
    if fields.iter().all(|(index, _)| entity.columns[*index].by.is_none()) {
        return None;
    }
    // What places the row is never the change's word: a key does not change, and what is carried the parent decides.
    let mut said = values.to_vec();
    for (index, value) in fields.iter().filter(|(index, _)| entity.columns[*index].tracked_group().is_some()) {
        said[*index] = value.clone();
    }
    fields.iter().find_map(|(index, value)| {
        let column = &entity.columns[*index];
        let only_names_the_row = column.merge == Merge::Key && stored.is_some_and(|stored| stored[*index] == *value);
        let may = only_names_the_row || column.by.is_none_or(|rules| allows(rules, entity, id, &said, actor));
        (!may).then_some(column)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::entity;
    use serde_json::json;

    fn actor(role: Role, scopes: &[String]) -> Actor {
        Actor { user_id: Uuid::from_u128(7), organization_id: Uuid::from_u128(1), role, scopes: scopes.iter().cloned().collect() }
    }

    fn may_write(table: &str, given: &[(&str, Value)], actor: &Actor) -> bool {
        let entity = entity(table).expect("a registered table");
        let mut values = entity.empty_values();
        for (name, value) in given {
            values[entity.column_index(name).expect("a column")] = value.clone();
        }
        allows(entity.write, entity, &Uuid::from_u128(9), &values, actor)
    }

    #[test]
    fn a_learner_lets_only_themselves_in_and_only_by_themselves() {
        let me = json!(Uuid::from_u128(7).to_string());
        let course = json!(Uuid::from_u128(3).to_string());
        let learner = actor(Role::Learner, &[]);
        let enroll = |user: &Value, kind: &str, actor: &Actor| {
            may_write("enrollments", &[("user_id", user.clone()), ("course_id", course.clone()), ("enrollment_type", json!(kind))], actor)
        };
        assert!(enroll(&me, "self", &learner));
        assert!(!enroll(&me, "assigned", &learner));
        assert!(!enroll(&json!(Uuid::from_u128(8).to_string()), "self", &learner));
        let enrolled = actor(Role::Learner, &[ScopeKind::Course.of(Uuid::from_u128(3))]);
        assert!(enroll(&me, "assigned", &enrolled), "whoever was assigned goes on");
    }

    #[test]
    fn a_test_outside_every_course_is_written_by_staff_and_no_course_is_entered_by_leaving_it_empty() {
        assert!(may_write("assessments", &[], &actor(Role::Teacher, &[])));
        assert!(!may_write("assessments", &[], &actor(Role::Learner, &[])));
        let of_course = [("course_id", json!(Uuid::from_u128(3).to_string()))];
        assert!(!may_write("assessments", &of_course, &actor(Role::Teacher, &[])));
        assert!(may_write("assessments", &of_course, &actor(Role::Teacher, &[ScopeKind::CourseStaff.of(Uuid::from_u128(3))])));
    }

    #[test]
    fn an_administrator_changes_their_organization_and_makes_no_other() {
        let other = actor(Role::Admin, &[ScopeKind::Org.of(Uuid::from_u128(1))]);
        assert!(!may_write("organizations", &[], &other));
        assert!(may_write("organizations", &[], &actor(Role::Admin, &[ScopeKind::Org.of(Uuid::from_u128(9))])));
    }

    #[test]
    fn an_attempt_is_answered_by_the_learner_and_praised_by_the_instructor() {
        let attempts = entity("assessment_attempts").expect("a registered table");
        let (me, course) = (Uuid::from_u128(7), Uuid::from_u128(3));
        let mut values = attempts.empty_values();
        let mut refused = |user: Uuid, column: &str, value: Value, stored: bool, actor: &Actor| {
            let index = |name: &str| attempts.column_index(name).expect("a column");
            values[index("user_id")] = json!(user.to_string());
            values[index("course_id")] = json!(course.to_string());
            let stored = stored.then_some(values.as_slice());
            refused_column(attempts, &Uuid::nil(), stored, &[(index(column), value)], &values, actor).map(|column| column.name)
        };
        let learner = actor(Role::Learner, &[ScopeKind::Course.of(course)]);
        let instructor = actor(Role::Instructor, &[ScopeKind::Results.of(course)]);
        let other = Uuid::from_u128(8);
        assert_eq!(refused(me, "answers", json!({}), true, &learner), None);
        assert_eq!(refused(me, "feedback", json!("Well done."), true, &learner), Some("feedback"));
        assert_eq!(refused(other, "answers", json!({}), true, &instructor), Some("answers"));
        assert_eq!(refused(other, "feedback", json!("Well done."), true, &instructor), None);
        assert_eq!(refused(other, "user_id", json!(other.to_string()), false, &instructor), Some("user_id"));
        assert_eq!(refused(other, "user_id", json!(other.to_string()), true, &instructor), None, "it only says which row is meant");
    }

    #[test]
    fn who_makes_a_course_or_a_group_is_its_instructor_or_teacher() {
        let me = json!(Uuid::from_u128(7).to_string());
        for (table, column) in [("courses", "instructor_id"), ("groups", "teacher_id")] {
            assert!(may_write(table, &[(column, me.clone())], &actor(Role::Teacher, &[])), "{table}");
            assert!(!may_write(table, &[(column, me.clone())], &actor(Role::Learner, &[])), "{table}");
            assert!(!may_write(table, &[], &actor(Role::Teacher, &[])), "{table}");
        }
    }
}
