-- Stores the losing value of one device in one field. If the conflict was settled and the device wrote another value since, it is
-- open again.
INSERT INTO conflicts (
    id, organization_id, entity, row_id, field, lost_values, lost_by, lost_at,
    kept_values, kept_by, kept_at, group_id, course_id, author_id, lost_device, lost_stood_from, lost_stood_upto, lost_stood_before
)
VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0), $9, $10, to_timestamp($11 / 1000.0), $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT (id) DO UPDATE SET
    lost_values = excluded.lost_values,
    lost_by = excluded.lost_by,
    lost_at = excluded.lost_at,
    kept_values = excluded.kept_values,
    kept_by = excluded.kept_by,
    kept_at = excluded.kept_at,
    lost_stood_from = excluded.lost_stood_from,
    lost_stood_upto = excluded.lost_stood_upto,
    lost_stood_before = excluded.lost_stood_before,
    settled_by = NULL,
    settled_at = NULL
