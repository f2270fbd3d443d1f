-- Topics of a course (?1) in the order of reading, with the progress of a person (?2).
SELECT t.id, t.module_id, t.title, t.requires_previous, coalesce(p.completed, 0) AS completed, coalesce(p.percent, 0) AS percent
FROM topics t
LEFT JOIN modules m ON m.id = t.module_id
LEFT JOIN topic_progress p ON p.topic_id = t.id AND p.user_id = ?2
WHERE t.course_id = ?1
ORDER BY m.position, m.id, t.position, t.id
