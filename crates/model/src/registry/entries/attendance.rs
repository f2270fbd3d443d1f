//! Attendance of groups.

use super::super::*;
use crate::access::Who;

/// One cell of the attendance grid.
pub static ATTENDANCE_RECORDS: Entity = Entity {
    name: "attendance_records",
    code: 32,
    columns: &[
        key("group_id").references("groups", OnDelete::Restrict, &[]),
        key("student_id").references("users", OnDelete::Restrict, &[]),
        column("lesson_date", Kind::Date, Merge::Key),
        column("status", Kind::Choice(&["present", "late", "absent", "excused"]), Merge::Latest).optional().group("mark"),
        column("marked_by", Kind::Uuid, Merge::Latest).references("users", OnDelete::Restrict, &[]).optional().group("mark").names_author(),
        column("marked_at", Kind::Timestamp, Merge::Latest).optional().group("mark"),
        column("note", Kind::Text, Merge::Latest).optional().length_max(500),
    ],
    id: IdRule::Derived(&["group_id", "student_id", "lesson_date"]),
    scopes: &[in_scope(ScopeKind::Roster, "group_id"), in_scope(ScopeKind::Learner, "student_id")],
    write: &[&[Who::Subscribes(ScopeKind::Roster, "group_id")]],
    delete: &[],
    access: &[],
    constraints: constraints(),
    record: record(Section::Groups, Label::All(&["student_id", "lesson_date"])).search(&["note"]).part_of("group_id"),
};
