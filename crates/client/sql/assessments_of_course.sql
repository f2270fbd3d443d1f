-- The tests of a course (?1) in their order. A test of a topic belongs to the topic's module.
SELECT a.id, coalesce(a.module_id, t.module_id) AS module_id, a.topic_id, a.title, a.kind, a.time_limit_seconds, a.passing_percent, a.attempts_max,
       (SELECT count(q.id) FROM questions q WHERE q.assessment_id = a.id) AS questions,
       a.graded_by = 'laptop' AND EXISTS (SELECT k.id FROM answer_keys k WHERE k.assessment_id = a.id AND k.shared) AS graded_here
FROM assessments a
LEFT JOIN topics t ON t.id = a.topic_id
WHERE a.course_id = ?1 AND a.is_active AND a.deleted_at IS NULL
ORDER BY a.position, a.id
