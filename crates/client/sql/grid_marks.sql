-- Marks of a group (?1) between two days (?2, ?3), with whether the server has them.
SELECT a.id, a.student_id, a.lesson_date, a.status, a.note, a.marked_by, a.marked_at,
       EXISTS (SELECT o.n FROM outbox o, device d WHERE o.row_id = a.id AND o.state < 3 AND o.n > d.acknowledged_n) AS waiting
FROM attendance_records a
WHERE a.group_id = ?1 AND a.lesson_date BETWEEN ?2 AND ?3
