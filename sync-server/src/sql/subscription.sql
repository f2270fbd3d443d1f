-- The scopes that a user subscribes to. $1: the user. Rights are derived from them too, so this is the one place where access is
-- decided.
WITH me AS (
    SELECT u.id, u.organization_id, u.role
    FROM users u
    JOIN organizations o ON o.id = u.organization_id AND o.deleted_at IS NULL AND o.status NOT IN ('suspended', 'closed')
    WHERE u.id = $1 AND u.status = 'active' AND u.deleted_at IS NULL
)
SELECT 'user:' || me.id AS scope FROM me
UNION ALL
SELECT 'org:' || me.organization_id FROM me
UNION ALL
SELECT 'org_staff:' || me.organization_id FROM me WHERE me.role IN ('admin', 'instructor', 'teacher')
UNION ALL
SELECT 'people:' || me.organization_id FROM me WHERE me.role = 'admin'
UNION ALL
-- Users of any role may be enrolled in a course.
SELECT 'learner:' || me.id FROM me
UNION ALL
-- Parents subscribe to their children's learner scopes.
SELECT 'learner:' || g.student_id FROM me JOIN guardian_links g ON g.parent_id = me.id AND g.organization_id = me.organization_id
UNION ALL
-- Learners subscribe to a course while they are enrolled and it is published.
SELECT 'course:' || e.course_id
FROM me
JOIN enrollments e ON e.user_id = me.id AND e.status <> 'dropped'
JOIN courses c ON c.id = e.course_id AND c.published AND c.deleted_at IS NULL
UNION
SELECT s.word || c.id
FROM me
JOIN courses c ON c.instructor_id = me.id AND c.organization_id = me.organization_id
CROSS JOIN (VALUES ('course:'), ('course_staff:'), ('results:')) AS s(word)
WHERE me.role IN ('instructor', 'teacher', 'admin')
UNION
SELECT s.word || c.id
FROM me
JOIN courses c ON c.organization_id = me.organization_id
CROSS JOIN (VALUES ('course:'), ('course_staff:')) AS s(word)
WHERE me.role = 'admin'
UNION
SELECT 'group:' || m.group_id
FROM me
JOIN group_memberships m ON m.user_id = me.id AND m.is_active
JOIN groups g ON g.id = m.group_id AND g.deleted_at IS NULL
UNION
SELECT s.word || g.id
FROM me
JOIN groups g ON g.organization_id = me.organization_id AND g.deleted_at IS NULL AND (g.teacher_id = me.id OR me.role = 'admin')
CROSS JOIN (VALUES ('group:'), ('roster:')) AS s(word)
WHERE me.role IN ('instructor', 'teacher', 'admin')
