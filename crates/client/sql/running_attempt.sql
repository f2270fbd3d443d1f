-- The test that a person (?1) began last and has not handed in.
SELECT t.id, t.course_id
FROM assessment_attempts t
JOIN assessments a ON a.id = t.assessment_id
WHERE t.user_id = ?1 AND t.submitted_at IS NULL AND a.is_active AND a.deleted_at IS NULL
ORDER BY t.started_at DESC, t.id DESC
LIMIT 1
