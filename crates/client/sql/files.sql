-- Files of a course (?1) or of a topic (?2), in the order of reading.
SELECT i.id AS content_item_id, i.course_id, i.title, m.sha256, coalesce(m.size_bytes, 0) AS size_bytes
FROM content_items i
JOIN media_assets m ON m.id = i.media_asset_id
LEFT JOIN topics t ON t.id = i.topic_id
LEFT JOIN modules o ON o.id = i.module_id
WHERE m.sha256 IS NOT NULL AND ((?1 IS NOT NULL AND i.course_id = ?1) OR (?2 IS NOT NULL AND i.topic_id = ?2))
ORDER BY o.position, o.id, t.position, t.id, i.role IS NOT 'main_pdf', i.position, i.id
