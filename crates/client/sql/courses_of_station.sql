SELECT id, title, course_code, status, language FROM courses WHERE station_id = ?1 AND deleted_at IS NULL ORDER BY title, id
