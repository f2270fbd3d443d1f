-- What an edit remembers of others: a device that says what stands already is added to the edit that stands, which keeps its
-- own stamp, and a losing value may have stood more than once.

-- The edit of one tracked group under its new stamp. A writer that says who it is has set the group's edit itself and leaves a
-- stamp of 0 where the row's new one belongs; whoever did not is plain SQL, and that counts as the server's time.
CREATE OR REPLACE FUNCTION feed_edit(edits jsonb, tracked text, before jsonb, stamp bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    said jsonb := edits -> tracked;
BEGIN
    IF said IS NULL OR said IS NOT DISTINCT FROM before THEN
        said := jsonb_build_object('at', (date_part('epoch', clock_timestamp()) * 1000)::bigint * 1000, 'device', NULL, 'n', 0, 'user', NULL);
    END IF;
    IF coalesce((said ->> 'stamp')::bigint, 0) = 0 THEN
        said := said || jsonb_build_object('stamp', stamp);
    END IF;
    IF said ? 'seconders' THEN
        said := said || jsonb_build_object('seconders', (
            SELECT jsonb_agg(CASE WHEN (s.seconder ->> 'stamp')::bigint = 0 THEN s.seconder || jsonb_build_object('stamp', stamp) ELSE s.seconder END ORDER BY s.place)
            FROM jsonb_array_elements(said -> 'seconders') WITH ORDINALITY AS s(seconder, place)
        ));
    END IF;
    RETURN edits || jsonb_build_object(tracked, said);
END $$;

-- The times before `lost_stood_from` and `lost_stood_upto` in which the value stood as well: first and last stamp of each.
ALTER TABLE conflicts ADD COLUMN lost_stood_before bigint[];
