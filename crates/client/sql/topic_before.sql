-- The topic before ?3, which is at ?2 in module ?1 of course ?4: in its module, or the last of the nearest module before it.
SELECT id FROM (
    SELECT id FROM (
        SELECT t.id FROM topics t
        WHERE t.module_id = ?1 AND (t.position, t.id) < (?2, ?3)
        ORDER BY t.position DESC, t.id DESC LIMIT 1
    )
    UNION ALL
    SELECT id FROM (
        SELECT t.id
        FROM modules here
        JOIN modules m ON m.course_id = here.course_id AND (m.position, m.id) < (here.position, here.id)
        JOIN topics t ON t.module_id = m.id
        WHERE here.id = ?1 AND here.course_id = ?4
        ORDER BY m.position DESC, m.id DESC, t.position DESC, t.id DESC LIMIT 1
    )
)
LIMIT 1
