//! The meaning of the registry's conditions, said once more from the facts alone: who teaches, who is enrolled, whose parent
//! somebody is. The server computes subscriptions by a query of its own; a right that one of the two grants and the other does not
//! is a finding.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use waystation_model::access::{Role, Rules, Who};
use waystation_model::registry::{Entity, ScopeRule};
use waystation_model::scope::ScopeKind;
use waystation_tests::Outcome;
use waystation_tests::school::School;

/// A row as its columns, with `id`.
pub type Fields = Map<String, Value>;

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub id: Uuid,
    pub role: Role,
}

/// The rows on which rights depend, as they are in the database now.
#[derive(Debug, Default)]
pub struct Facts {
    organization: Uuid,
    /// Course and instructor.
    instructors: BTreeSet<(Uuid, Uuid)>,
    published: BTreeSet<Uuid>,
    /// Course and learner who has not dropped out.
    enrolled: BTreeSet<(Uuid, Uuid)>,
    /// Group and teacher, of groups that are not deleted.
    teachers: BTreeSet<(Uuid, Uuid)>,
    /// Group and active member.
    members: BTreeSet<(Uuid, Uuid)>,
    /// Child and parent.
    parents: BTreeSet<(Uuid, Uuid)>,
    courses: BTreeSet<Uuid>,
    groups: BTreeSet<Uuid>,
}

impl Facts {
    pub async fn read(school: &mut School) -> Outcome<Facts> {
        let mut pairs = Vec::new();
        for sql in [
            "SELECT id, instructor_id FROM courses WHERE instructor_id IS NOT NULL",
            "SELECT id, id FROM courses WHERE status = 'published' AND deleted_at IS NULL",
            "SELECT course_id, user_id FROM enrollments WHERE status <> 'dropped'",
            "SELECT id, teacher_id FROM groups WHERE deleted_at IS NULL",
            "SELECT group_id, user_id FROM group_memberships WHERE is_active",
            "SELECT student_id, parent_id FROM guardian_links",
            "SELECT id, id FROM courses",
            "SELECT id, id FROM groups WHERE deleted_at IS NULL",
        ] {
            let sql =
                format!("{sql}{}organization_id = '{}'", if sql.contains("WHERE") { " AND " } else { " WHERE " }, school.organization);
            let found: Vec<(Uuid, Uuid)> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut school.sql).await?;
            pairs.push(found.into_iter().collect::<BTreeSet<_>>());
        }
        let [instructors, published, enrolled, teachers, members, parents, courses, groups]: [BTreeSet<(Uuid, Uuid)>; 8] =
            pairs.try_into().map_err(|_| "eight queries")?;
        let first = |pairs: BTreeSet<(Uuid, Uuid)>| pairs.into_iter().map(|(id, _)| id).collect();
        Ok(Facts {
            organization: school.organization,
            instructors,
            published: first(published),
            enrolled,
            teachers,
            members,
            parents,
            courses: first(courses),
            groups: first(groups),
        })
    }

    /// Who subscribes to a scope, as the table of scopes in `docs/DOMAIN.md` says.
    fn subscribes(&self, person: Person, kind: ScopeKind, id: Uuid) -> bool {
        let Person { id: me, role } = person;
        let is_admin = role == Role::Admin;
        let teaches_course = role.is_staff() && self.instructors.contains(&(id, me));
        let leads_course = teaches_course || (is_admin && self.courses.contains(&id));
        let leads_group = (role.is_staff() && self.teachers.contains(&(id, me))) || (is_admin && self.groups.contains(&id));
        match kind {
            ScopeKind::User => id == me,
            ScopeKind::Org => id == self.organization,
            ScopeKind::OrgStaff => id == self.organization && role.is_staff(),
            ScopeKind::People => id == self.organization && is_admin,
            ScopeKind::Learner => id == me || self.parents.contains(&(id, me)),
            ScopeKind::Course => leads_course || (self.published.contains(&id) && self.enrolled.contains(&(id, me))),
            ScopeKind::CourseStaff => leads_course,
            ScopeKind::Results => teaches_course,
            ScopeKind::Group => leads_group || (self.groups.contains(&id) && self.members.contains(&(id, me))),
            ScopeKind::Roster => leads_group,
        }
    }

    fn id_in(&self, row: &Fields, column: &str) -> Option<Uuid> {
        if column == "organization_id" {
            return Some(self.organization);
        }
        row.get(column)?.as_str()?.parse().ok()
    }

    /// Whether one condition of a rule holds.
    pub fn holds(&self, who: Who, person: Person, row: &Fields) -> bool {
        let value = |column: &str| row.get(column).unwrap_or(&Value::Null);
        match who {
            Who::Is(column) => self.id_in(row, column) == Some(person.id),
            Who::Subscribes(kind, column) => self.id_in(row, column).is_some_and(|id| self.subscribes(person, kind, id)),
            Who::Has(role) => person.role == role,
            Who::Staff => person.role.is_staff(),
            Who::Empty(column) => value(column).is_null(),
            Who::Equals(column, word) => *value(column) == json!(word),
        }
    }

    /// Whether one of the rules holds.
    pub fn allow(&self, rules: Rules, person: Person, row: &Fields) -> bool {
        rules.iter().any(|rule| rule.iter().all(|who| self.holds(*who, person, row)))
    }

    /// Whether a rule puts the row into a scope of this person, and whether its condition on the row holds.
    pub fn reads_by(&self, entity: &Entity, rule: &ScopeRule, person: Person, row: &Fields) -> (bool, bool) {
        let values: Vec<Value> = entity.columns.iter().map(|column| row.get(column.name).cloned().unwrap_or_default()).collect();
        let subscribes = self.id_in(row, rule.column).is_some_and(|id| self.subscribes(person, rule.kind, id));
        (subscribes, rule.when.is_none_or(|when| entity.holds(when, &values)))
    }

    /// Whether the person sees the row.
    pub fn reads(&self, entity: &Entity, person: Person, row: &Fields) -> bool {
        entity.scopes.iter().any(|rule| self.reads_by(entity, rule, person, row) == (true, true))
    }

    /// Whether the person may write these columns of the row, beside the row itself.
    pub fn gives(&self, entity: &Entity, person: Person, row: &Fields, given: &Fields) -> bool {
        given.keys().filter_map(|name| entity.column(name)).all(|column| {
            let is_somebody_else =
                column.names_author && !given[column.name].is_null() && given[column.name] != json!(person.id.to_string());
            column.by.is_none_or(|rules| self.allow(rules, person, row)) && !is_somebody_else
        })
    }
}
