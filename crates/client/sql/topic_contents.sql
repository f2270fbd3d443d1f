-- What is in the topics of a course (?1).
SELECT i.topic_id, i.kind, m.sha256, coalesce(m.size_bytes, 0) AS size_bytes
FROM content_items i
LEFT JOIN media_assets m ON m.id = i.media_asset_id
WHERE i.course_id = ?1 AND i.topic_id IS NOT NULL
