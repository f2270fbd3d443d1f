//! What a laptop may offer of a row that the server has lost. The server, the laptop and the simulator use these rules.
//!
//! An offer is one person's claim about a row, and an administrator accepts it with one click. So a table that gives rights is
//! never offered, and a person offers only what they may write.

use serde_json::Value;
use uuid::Uuid;

use crate::access::{Actor, allows, refused_column};
use crate::registry::{Column, Entity, Merge};

/// Whether rows of this table may be offered at all. The server recreates the rows that it alone writes, and an administrator
/// enters rows that give rights again.
pub fn may_be_offered(entity: &Entity) -> bool {
    !entity.write.is_empty() && entity.record.never_offered.is_none() && !entity.gives_rights()
}

/// Whether an offer contains this column: neither one that the server fills, nor a sum, which its author sends again.
pub fn is_offered(column: &Column) -> bool {
    !matches!(column.merge, Merge::Server | Merge::Sum)
}

/// The offered fields that this person may write. Empty when they may not write the row: the row with the offered values and,
/// if the server has one, the current row.
pub fn writable_fields(
    entity: &Entity,
    id: &Uuid,
    current: Option<&[Value]>,
    fields: &[(usize, Value)],
    actor: &Actor,
) -> Vec<(usize, Value)> {
    let mut values = current.map_or_else(|| entity.empty_values(), <[Value]>::to_vec);
    for (index, value) in fields {
        values[*index] = value.clone();
    }
    let may = |values: &[Value]| allows(entity.write, entity, id, values, actor);
    if !may(&values) || current.is_some_and(|current| !may(current)) {
        return Vec::new();
    }
    let mut kept = Vec::with_capacity(fields.len());
    for field in fields {
        if refused_column(entity, id, current, std::slice::from_ref(field), &values, actor).is_none() {
            kept.push(field.clone());
        } else if entity.columns[field.0].merge == Merge::Key {
            // A row cannot be restored without its key.
            return Vec::new();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::registry::{all, entity};
    use crate::scope::ScopeKind;
    use serde_json::json;

    #[test]
    fn tables_that_give_rights_are_never_offered() {
        let (kept_back, offered): (Vec<&Entity>, Vec<&Entity>) = all()
            .iter()
            .copied()
            .partition(|entity| entity.gives_rights() || entity.write.is_empty() || entity.record.never_offered.is_some());
        assert!(kept_back.iter().all(|entity| !may_be_offered(entity)));
        assert!(offered.iter().all(|entity| may_be_offered(entity)));
        assert!(kept_back.iter().any(|entity| entity.name == "users") && offered.iter().any(|entity| entity.name == "topics"));
    }

    fn offered(table: &str, given: &[(&str, Value)], current: bool, actor: &Actor) -> Vec<&'static str> {
        let entity = entity(table).expect("a registered table");
        let fields: Vec<(usize, Value)> =
            given.iter().map(|(name, value)| (entity.column_index(name).expect("a column"), value.clone())).collect();
        let mut values = entity.empty_values();
        for (index, value) in &fields {
            values[*index] = value.clone();
        }
        let kept = writable_fields(entity, &Uuid::from_u128(9), current.then_some(&values), &fields, actor);
        kept.into_iter().map(|(index, _)| entity.columns[index].name).collect()
    }

    #[test]
    fn a_person_offers_only_rows_and_columns_that_they_may_write() {
        let (me, other, course) = (Uuid::from_u128(7), Uuid::from_u128(8), Uuid::from_u128(3));
        let actor = |user_id: Uuid, role: Role, kind: ScopeKind| Actor {
            user_id,
            organization_id: Uuid::from_u128(1),
            role,
            scopes: [kind.of(course)].into(),
        };
        let learner = actor(me, Role::Learner, ScopeKind::Course);
        let instructor = actor(other, Role::Instructor, ScopeKind::Results);
        let attempt = [
            ("user_id", json!(me.to_string())),
            ("course_id", json!(course.to_string())),
            ("answers", json!({"q": 1})),
            ("feedback", json!("Well done.")),
        ];
        assert_eq!(offered("assessment_attempts", &attempt, false, &learner), ["user_id", "course_id", "answers"]);
        assert_eq!(offered("assessment_attempts", &attempt, false, &instructor), Vec::<&str>::new(), "an attempt is its learner's");
        assert_eq!(offered("assessment_attempts", &attempt, true, &instructor), ["user_id", "course_id", "feedback"]);
        let topic = [("course_id", json!(course.to_string())), ("title", json!("x"))];
        assert_eq!(offered("topics", &topic, false, &learner), Vec::<&str>::new());
        assert_eq!(offered("topics", &topic, false, &actor(other, Role::Instructor, ScopeKind::CourseStaff)), ["course_id", "title"]);
    }
}
