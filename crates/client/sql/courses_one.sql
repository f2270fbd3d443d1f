SELECT id, title, course_code, status, language FROM courses WHERE id = ?1 AND deleted_at IS NULL
