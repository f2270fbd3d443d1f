//! Scopes: sets of rows that users subscribe to as a whole.

use std::fmt;

/// The kind of a scope. The name of a scope is `kind:id`, such as `course:0192…`. The comments say who subscribes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeKind {
    /// Everybody in the organization.
    Org,
    /// Instructors, teachers and administrators.
    OrgStaff,
    /// Administrators.
    People,
    /// A course's enrolled learners, once it is published, and its instructors.
    Course,
    /// A course's instructors and the administrators.
    CourseStaff,
    /// The learners' work in one course: its instructors.
    Results,
    /// A group's members and its teacher.
    Group,
    /// A group's memberships and attendance: its teacher and the administrators.
    Roster,
    /// The learner's own copy: the learner and their parents.
    Learner,
    /// One user alone.
    User,
}

impl ScopeKind {
    /// Every kind, in the order in which a first sync fetches them: the most urgent rows first.
    pub const ALL: [ScopeKind; 10] = [
        ScopeKind::User,
        ScopeKind::Org,
        ScopeKind::Learner,
        ScopeKind::Course,
        ScopeKind::Group,
        ScopeKind::Roster,
        ScopeKind::Results,
        ScopeKind::CourseStaff,
        ScopeKind::OrgStaff,
        ScopeKind::People,
    ];

    /// The word before the colon.
    pub const fn word(self) -> &'static str {
        match self {
            ScopeKind::Org => "org",
            ScopeKind::OrgStaff => "org_staff",
            ScopeKind::People => "people",
            ScopeKind::Course => "course",
            ScopeKind::CourseStaff => "course_staff",
            ScopeKind::Results => "results",
            ScopeKind::Group => "group",
            ScopeKind::Roster => "roster",
            ScopeKind::Learner => "learner",
            ScopeKind::User => "user",
        }
    }

    /// The scope of this kind for one id.
    pub fn of(self, id: impl fmt::Display) -> String {
        format!("{}:{id}", self.word())
    }

    /// The kind that a scope's name begins with.
    pub fn parse(scope: &str) -> Option<(ScopeKind, &str)> {
        let (word, id) = scope.split_once(':')?;
        let kind = ScopeKind::ALL.into_iter().find(|kind| kind.word() == word)?;
        Some((kind, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_name_is_read_back_as_its_kind() {
        for kind in ScopeKind::ALL {
            let name = kind.of("7");
            assert_eq!(ScopeKind::parse(&name), Some((kind, "7")));
        }
        assert_eq!(ScopeKind::parse("nonsense:7"), None);
        assert_eq!(ScopeKind::parse("course"), None);
    }
}
