-- Topics of a course (?1) in the order of reading.
SELECT t.id, t.module_id, t.title
FROM topics t
LEFT JOIN modules m ON m.id = t.module_id
WHERE t.course_id = ?1
ORDER BY m.position, m.id, t.position, t.id
