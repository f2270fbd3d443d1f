-- Attempts, the newest first: one (?1), those of a course (?2) or those of a person (?3). `grade` is this laptop's own.
-- A parent's laptop has no tests: there the course names the attempt.
SELECT t.id, t.user_id, t.assessment_id, coalesce(a.title, c.title) AS assessment_title, t.attempt_number, t.status, t.score_percent, t.score_raw,
       t.score_max, t.passed, t.started_at, t.submitted_at, d.grade
FROM assessment_attempts t
LEFT JOIN assessments a ON a.id = t.assessment_id
LEFT JOIN courses c ON c.id = t.course_id
LEFT JOIN attempt_drafts d ON d.attempt_id = t.id
WHERE (?1 IS NOT NULL AND t.id = ?1) OR (?2 IS NOT NULL AND t.course_id = ?2) OR (?3 IS NOT NULL AND t.user_id = ?3)
ORDER BY t.started_at DESC, t.id DESC
