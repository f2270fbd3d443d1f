-- Modules of a course (?1) in reading order, with the number of their parts and how many of them a person (?2) has done. A module
-- consists of its topics and of the required items and tests that belong to it directly.
SELECT m.id, m.is_required, m.unlock_condition, count(part.done) AS parts, coalesce(sum(part.done), 0) AS parts_done
FROM modules m
LEFT JOIN (
    SELECT t.module_id AS module_id, coalesce(p.completed, 0) AS done
    FROM topics t
    LEFT JOIN topic_progress p ON p.course_id = t.course_id AND p.user_id = ?2 AND p.topic_id = t.id
    WHERE t.course_id = ?1
    UNION ALL
    SELECT i.module_id, coalesce(p.completed, 0)
    FROM content_items i
    LEFT JOIN content_progress p ON p.course_id = i.course_id AND p.user_id = ?2 AND p.content_item_id = i.id
    WHERE i.course_id = ?1 AND i.topic_id IS NULL AND i.is_required
    UNION ALL
    SELECT a.module_id, EXISTS (
        SELECT t.id FROM assessment_attempts t
        LEFT JOIN attempt_drafts d ON d.attempt_id = t.id
        WHERE t.assessment_id = a.id AND t.user_id = ?2 AND t.submitted_at IS NOT NULL
          AND coalesce(t.passed, d.grade ->> '$.passed' AND NOT d.grade ->> '$.grade.waits_for_person', 0)
    )
    FROM assessments a
    WHERE a.course_id = ?1 AND a.module_id IS NOT NULL AND a.topic_id IS NULL AND a.is_required AND a.is_active AND a.deleted_at IS NULL
) part ON part.module_id = m.id
WHERE m.course_id = ?1
GROUP BY m.id
ORDER BY m.position, m.id
