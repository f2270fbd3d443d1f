-- A head is never deleted, and the key's check locks heads in the order of a scan: that order and the one in which a commit
-- drains its feeds would wait for each other.
ALTER TABLE feed_marks DROP CONSTRAINT feed_marks_scope_id_fkey;
