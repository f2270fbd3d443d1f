-- What the criteria of badges ask of each of these people ($1). Accounts that are closed earn nothing more.
SELECT u.organization_id, u.id AS user_id,
       ARRAY(
           SELECT p.course_id FROM course_progress p
           WHERE p.user_id = u.id
               AND (p.status = 'completed' OR (p.status <> 'dropped' AND p.modules_total > 0 AND p.modules_completed = p.modules_total))
       ) AS courses_completed,
       (SELECT count(*) FROM enrollments e JOIN topics t ON t.course_id = e.course_id
        JOIN topic_progress p ON p.topic_id = t.id AND p.user_id = e.user_id AND p.completed
        WHERE e.user_id = u.id) AS topics_completed,
       (SELECT count(DISTINCT a.assessment_id) FROM assessment_attempts a WHERE a.user_id = u.id AND a.passed) AS tests_passed,
       (SELECT count(*) FROM certificates c WHERE c.user_id = u.id AND certificate_is_valid(c, now())) AS certificates,
       coalesce((SELECT sum(p.score)::bigint FROM coding_progress p WHERE p.user_id = u.id), 0) AS coding_points
FROM users u
WHERE u.id = ANY($1) AND u.status = 'active' AND u.deleted_at IS NULL
ORDER BY u.id
