-- Keeps one lost value. The same value lost again is the same conflict, with the latest person who held it; one that was
-- settled and comes up again is open again.
INSERT INTO conflicts (
    id, organization_id, entity, row_id, field, lost_values, lost_by, lost_at,
    kept_values, kept_by, kept_at, group_id, course_id, author_id
)
VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0), $9, $10, to_timestamp($11 / 1000.0), $12, $13, $14)
ON CONFLICT (id) DO UPDATE SET
    lost_values = CASE WHEN excluded.lost_at >= conflicts.lost_at THEN excluded.lost_values ELSE conflicts.lost_values END,
    lost_by = CASE WHEN excluded.lost_at >= conflicts.lost_at THEN excluded.lost_by ELSE conflicts.lost_by END,
    lost_at = greatest(excluded.lost_at, conflicts.lost_at),
    kept_values = excluded.kept_values,
    kept_by = excluded.kept_by,
    kept_at = excluded.kept_at,
    settled_by = NULL,
    settled_at = NULL
