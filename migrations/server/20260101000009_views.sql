-- What is counted and never stored: a stored sum would poke every laptop with every click, and go wrong one day.

-- How far each enrolled person is in each module. A module consists of its topics and of the required items and tests that
-- hang on it directly; one that consists of nothing counts for nobody.
CREATE VIEW module_progress AS
SELECT e.organization_id, e.user_id, e.course_id, m.id AS module_id, m.is_required,
       p.parts_total, p.parts_completed,
       round(100.0 * p.parts_completed / p.parts_total, 2)::double precision AS percent,
       p.parts_completed = p.parts_total AS completed
FROM enrollments e
JOIN modules m ON m.course_id = e.course_id
CROSS JOIN LATERAL (
    SELECT count(*) AS parts_total, count(*) FILTER (WHERE part.done) AS parts_completed
    FROM (
        SELECT coalesce(tp.completed, false) AS done
        FROM topics t LEFT JOIN topic_progress tp ON tp.topic_id = t.id AND tp.user_id = e.user_id
        WHERE t.module_id = m.id
        UNION ALL
        SELECT coalesce(cp.completed, false)
        FROM content_items i LEFT JOIN content_progress cp ON cp.content_item_id = i.id AND cp.user_id = e.user_id
        WHERE i.module_id = m.id AND i.topic_id IS NULL AND i.is_required
        UNION ALL
        SELECT EXISTS (SELECT FROM assessment_attempts a WHERE a.assessment_id = s.id AND a.user_id = e.user_id AND a.passed)
        FROM assessments s
        WHERE s.module_id = m.id AND s.topic_id IS NULL AND s.is_required AND s.is_active AND s.deleted_at IS NULL
    ) part
) p
WHERE p.parts_total > 0;

-- How far each enrolled person is in their course, in required modules: counting content against modules can pass 100 %.
CREATE VIEW course_progress AS
SELECT e.organization_id, e.user_id, e.course_id, e.status,
       count(m.module_id) AS modules_total,
       count(m.module_id) FILTER (WHERE m.completed) AS modules_completed,
       coalesce(round(100.0 * count(m.module_id) FILTER (WHERE m.completed) / nullif(count(m.module_id), 0), 2), 0)::double precision AS percent
FROM enrollments e
LEFT JOIN module_progress m ON m.user_id = e.user_id AND m.course_id = e.course_id AND m.is_required
GROUP BY e.id;

-- One row per person: what they have done in all.
CREATE VIEW user_stats AS
SELECT u.id AS user_id, u.organization_id,
       e.courses_enrolled, e.courses_completed,
       t.topics_completed, t.time_spent_seconds,
       a.attempts_submitted, a.attempts_passed, a.score_percent_average,
       s.last_sign_in_at,
       greatest(e.last_at, t.last_at, a.last_at) AS last_active_at
FROM users u
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status <> 'dropped') AS courses_enrolled,
           count(*) FILTER (WHERE e.status = 'completed') AS courses_completed,
           max(e.started_at) AS last_at
    FROM enrollments e WHERE e.user_id = u.id
) e
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.completed) AS topics_completed,
           coalesce(sum(p.time_spent_seconds), 0)::bigint AS time_spent_seconds,
           max(p.updated_at) AS last_at
    FROM enrollments e
    JOIN topics t ON t.course_id = e.course_id
    JOIN topic_progress p ON p.topic_id = t.id AND p.user_id = e.user_id
    WHERE e.user_id = u.id
) t
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.submitted_at IS NOT NULL) AS attempts_submitted,
           count(*) FILTER (WHERE a.passed) AS attempts_passed,
           avg(a.score_percent) AS score_percent_average,
           max(coalesce(a.submitted_at, a.started_at)) AS last_at
    FROM assessment_attempts a WHERE a.user_id = u.id
) a
CROSS JOIN LATERAL (SELECT max(s.created_at) AS last_sign_in_at FROM user_sessions s WHERE s.user_id = u.id) s;

-- Marks of each student in each group. What is not marked is in none of the numbers.
CREATE VIEW attendance_statistics AS
SELECT r.organization_id, r.group_id, r.student_id,
       count(*) FILTER (WHERE r.status = 'present') AS present,
       count(*) FILTER (WHERE r.status = 'late') AS late,
       count(*) FILTER (WHERE r.status = 'absent') AS absent,
       count(*) FILTER (WHERE r.status = 'excused') AS excused,
       count(r.status) AS marked,
       -- Who came late was there.
       round(100.0 * count(*) FILTER (WHERE r.status IN ('present', 'late')) / nullif(count(r.status), 0), 2)::double precision AS percent_attended
FROM attendance_records r
GROUP BY r.organization_id, r.group_id, r.student_id;

-- What a course consists of.
CREATE VIEW course_sizes AS
SELECT c.id AS course_id, c.organization_id,
       (SELECT count(*) FROM modules m WHERE m.course_id = c.id) AS modules,
       (SELECT count(*) FROM topics t WHERE t.course_id = c.id) AS topics,
       (SELECT coalesce(sum(a.duration_seconds), 0)::bigint FROM media_assets a WHERE a.course_id = c.id) AS media_seconds,
       (SELECT coalesce(sum(a.size_bytes), 0)::bigint FROM media_assets a WHERE a.course_id = c.id) AS media_bytes,
       (SELECT count(*) FROM enrollments e WHERE e.course_id = c.id AND e.status <> 'dropped') AS learners
FROM courses c;

-- Seats bought and taken.
CREATE VIEW organization_seats AS
SELECT o.id AS organization_id, o.seats_purchased, count(u.id) AS seats_used
FROM organizations o
LEFT JOIN users u ON u.organization_id = o.id AND u.status <> 'suspended' AND u.deleted_at IS NULL
GROUP BY o.id;
