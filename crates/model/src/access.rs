//! Rules for who may write a row. Most of them follow from the writer's scopes, so read and write rights have one source.

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
    /// Administers the organization.
    Admin,
    /// Makes courses and trains people.
    Instructor,
    /// Teaches groups and marks attendance.
    Teacher,
    /// Takes courses and belongs to groups.
    Learner,
    /// Reads the progress of their children.
    Parent,
}

impl Role {
    /// The role with this value in `users.role`.
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

    /// Its value in `users.role`.
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

    /// Whether this role may follow scopes of this kind, one at a time, beside those of its subscription. Following lets it read
    /// the rows; the rules for writing are about the subscription alone. An instructor does not follow learners: of a learner they
    /// see the work in their own courses.
    pub const fn may_follow(self, kind: ScopeKind) -> bool {
        matches!((self, kind), (Role::Admin, ScopeKind::Learner))
    }
}

/// The person whose scope this role may follow, if it may follow a scope of this name.
pub fn followed_person(role: Role, scope: &str) -> Option<Uuid> {
    let (kind, id) = ScopeKind::parse(scope)?;
    let person = Uuid::parse_str(id).ok()?;
    // An id has one spelling: the scope has to be the one that rows name.
    (role.may_follow(kind) && kind.of(person) == scope).then_some(person)
}

/// The author of a push, with their scopes at that moment.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Their account.
    pub user_id: Uuid,
    /// Their organization.
    pub organization_id: Uuid,
    /// Their role.
    pub role: Role,
    /// The names of the scopes that they subscribe to.
    pub scopes: HashSet<String>,
}

/// One condition of a write rule. A rule is a list of conditions that must all hold.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    /// The column holds the writer's own id.
    Is(&'static str),
    /// The writer subscribes to the scope of this kind whose id is in the column.
    Subscribes(ScopeKind, &'static str),
    /// The writer has this role.
    Has(Role),
    /// The writer works for the organization.
    Staff,
    /// The column is null.
    Empty(&'static str),
    /// The column has this value.
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
            Who::Subscribes(kind, name) => column(name).is_some_and(|id| actor.scopes.contains(&kind.of(id))),
            Who::Has(role) => actor.role == role,
            Who::Staff => actor.role.is_staff(),
            // `column` reads text only, and this column may hold anything.
            Who::Empty(name) => name != "id" && entity.column_index(name).and_then(|index| values.get(index)).is_none_or(Value::is_null),
            Who::Equals(name, word) => column(name).as_deref() == Some(word),
        }
    }
}

/// A list of rules: one of them must hold.
pub type Rules = &'static [&'static [Who]];

/// Rules that nobody meets: only the server writes.
pub const NOBODY: Rules = &[];

/// Whether these rules allow `actor` to write the row of this id with these values. A rule may name the column `id`.
pub fn allows(rules: Rules, entity: &Entity, id: &Uuid, values: &[Value], actor: &Actor) -> bool {
    rules.iter().any(|rule| rule.iter().all(|who| who.holds(entity, id, values, actor)))
}

/// The first of the given columns that `actor` may not write, although they may write the row. `stored` is the row before
/// the change, if there was one, and `values` the row with the change. A repeated key only identifies the row. A rule on a
/// value is checked against the change's own value, even if another author's later value is current: otherwise the result
/// would depend on the order of arrival.
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
    // Only tracked columns are taken from the change: keys do not change, and the parent row decides carried columns.
    let mut checked = values.to_vec();
    for (index, value) in fields.iter().filter(|(index, _)| entity.columns[*index].tracked_group().is_some()) {
        checked[*index] = value.clone();
    }
    fields.iter().find_map(|(index, value)| {
        let column = &entity.columns[*index];
        let only_names_the_row = column.merge == Merge::Key && stored.is_some_and(|stored| stored[*index] == *value);
        let may = only_names_the_row || column.by.is_none_or(|rules| allows(rules, entity, id, &checked, actor));
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
    fn a_learner_may_only_enroll_themselves() {
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
        assert!(enroll(&me, "assigned", &enrolled), "an assigned learner keeps the enrollment type");
    }

    #[test]
    fn a_test_without_a_course_is_written_by_staff_and_one_of_a_course_only_by_its_staff() {
        assert!(may_write("assessments", &[], &actor(Role::Teacher, &[])));
        assert!(!may_write("assessments", &[], &actor(Role::Learner, &[])));
        let of_course = [("course_id", json!(Uuid::from_u128(3).to_string()))];
        assert!(!may_write("assessments", &of_course, &actor(Role::Teacher, &[])));
        assert!(may_write("assessments", &of_course, &actor(Role::Teacher, &[ScopeKind::CourseStaff.of(Uuid::from_u128(3))])));
    }

    #[test]
    fn only_administrators_follow_and_only_learners() {
        let person = Uuid::from_u128(0xab);
        let learner = ScopeKind::Learner.of(person);
        assert_eq!(followed_person(Role::Admin, &learner), Some(person));
        for role in [Role::Instructor, Role::Teacher, Role::Learner, Role::Parent] {
            assert_eq!(followed_person(role, &learner), None, "{role:?}");
        }
        for kind in ScopeKind::ALL.into_iter().filter(|kind| *kind != ScopeKind::Learner) {
            assert_eq!(followed_person(Role::Admin, &kind.of(person)), None, "{kind:?}");
        }
        for scope in [learner.to_uppercase(), learner.replace("ab", "AB"), "learner:".into(), "learner:7".into(), String::new()] {
            assert_eq!(followed_person(Role::Admin, &scope), None, "{scope}");
        }
    }

    #[test]
    fn an_administrator_changes_only_their_own_organization() {
        let other = actor(Role::Admin, &[ScopeKind::Org.of(Uuid::from_u128(1))]);
        assert!(!may_write("organizations", &[], &other));
        assert!(may_write("organizations", &[], &actor(Role::Admin, &[ScopeKind::Org.of(Uuid::from_u128(9))])));
    }

    #[test]
    fn a_learner_answers_an_attempt_and_an_instructor_gives_feedback() {
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
        assert_eq!(refused(other, "user_id", json!(other.to_string()), true, &instructor), None, "a repeated key only identifies the row");
    }

    #[test]
    fn the_creator_of_a_course_or_group_is_its_instructor_or_teacher() {
        let me = json!(Uuid::from_u128(7).to_string());
        for (table, column) in [("courses", "instructor_id"), ("groups", "teacher_id")] {
            assert!(may_write(table, &[(column, me.clone())], &actor(Role::Teacher, &[])), "{table}");
            assert!(!may_write(table, &[(column, me.clone())], &actor(Role::Learner, &[])), "{table}");
            assert!(!may_write(table, &[], &actor(Role::Teacher, &[])), "{table}");
        }
    }
}
