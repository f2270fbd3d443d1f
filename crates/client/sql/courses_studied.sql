-- Courses that ?1 is enrolled in, the last used first.
SELECT c.id, c.title, c.course_code, c.status, c.language
FROM enrollments e
JOIN courses c ON c.id = e.course_id
WHERE e.user_id = ?1 AND e.status <> 'dropped' AND c.deleted_at IS NULL
ORDER BY coalesce((SELECT max(p.updated_at) FROM topic_progress p WHERE p.course_id = c.id AND p.user_id = ?1), 0) DESC, c.title, c.id
