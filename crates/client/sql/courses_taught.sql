-- Courses whose staff scope is heard here. ?1 is what the name of such a scope begins with.
SELECT c.id, c.title, c.course_code, c.status, c.language
FROM courses c
JOIN scopes s ON s.scope = ?1 || c.id
WHERE c.deleted_at IS NULL
ORDER BY c.title, c.id
