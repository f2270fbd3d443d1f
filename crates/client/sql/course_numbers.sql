-- What a course's card counts. ?1 the course, ?2 the person.
SELECT
    (SELECT count(id) FROM topics WHERE course_id = ?1) AS topics_all,
    (SELECT count(id) FROM topic_progress WHERE course_id = ?1 AND user_id = ?2 AND completed) AS topics_done,
    (SELECT count(id) FROM topic_progress WHERE course_id = ?1 AND user_id = ?2) AS topics_begun,
    (SELECT due_at FROM enrollments WHERE course_id = ?1 AND user_id = ?2) AS due_at,
    (SELECT count(id) FROM enrollments WHERE course_id = ?1 AND status <> 'dropped') AS learners
