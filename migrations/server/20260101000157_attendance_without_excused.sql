-- Attendance with excused absences left out, beside the percentage that counts them as absent: organizations differ.
CREATE OR REPLACE VIEW attendance_statistics AS
SELECT r.organization_id, r.group_id, r.student_id,
       count(*) FILTER (WHERE r.status = 'present') AS present,
       count(*) FILTER (WHERE r.status = 'late') AS late,
       count(*) FILTER (WHERE r.status = 'absent') AS absent,
       count(*) FILTER (WHERE r.status = 'excused') AS excused,
       count(r.status) AS marked,
       -- Who came late was there.
       round(100.0 * count(*) FILTER (WHERE r.status IN ('present', 'late')) / nullif(count(r.status), 0), 2)::double precision AS percent_attended,
       round(100.0 * count(*) FILTER (WHERE r.status IN ('present', 'late'))
           / nullif(count(r.status) FILTER (WHERE r.status <> 'excused'), 0), 2)::double precision AS percent_attended_unexcused
FROM attendance_records r
GROUP BY r.organization_id, r.group_id, r.student_id;
