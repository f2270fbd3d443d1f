-- Files and texts of a topic (?1), the main PDF first, with where a person (?2) stopped in each.
SELECT i.id, i.kind, i.role, i.title, i.body,
       m.sha256, m.media_type, m.size_bytes, m.duration_seconds, m.pages,
       p.page, p.second,
       EXISTS (SELECT d.sha256 FROM downloads d WHERE d.sha256 = m.sha256) AS is_wanted
FROM content_items i
LEFT JOIN media_assets m ON m.id = i.media_asset_id
LEFT JOIN content_progress p ON p.course_id = i.course_id AND p.user_id = ?2 AND p.content_item_id = i.id
WHERE i.topic_id = ?1
ORDER BY i.role IS NOT 'main_pdf', i.position, i.id
