-- The topic in which a person (?1) did something last, in a course that they still study, and where they were in its file.
SELECT p.course_id, p.topic_id, i.page, i.second
FROM topic_progress p
JOIN topics t ON t.id = p.topic_id
JOIN enrollments e ON e.user_id = p.user_id AND e.course_id = p.course_id AND e.status <> 'dropped'
LEFT JOIN (
    SELECT c.topic_id, g.page, g.second, max(g.updated_at) AS updated_at
    FROM content_progress g
    JOIN content_items c ON c.id = g.content_item_id
    WHERE g.user_id = ?1
    GROUP BY c.topic_id
) i ON i.topic_id = p.topic_id
WHERE p.user_id = ?1
ORDER BY max(p.updated_at, coalesce(i.updated_at, 0)) DESC, p.id
LIMIT 1
