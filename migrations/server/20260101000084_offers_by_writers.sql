-- Nothing from which rights follow is offered any more, so no offer of it waits.
DELETE FROM offered_rows o WHERE o.state = 'waiting'
    AND o.entity IN ('organizations', 'users', 'guardian_links', 'groups', 'group_memberships', 'courses', 'enrollments');

-- How many others have the very same row on their laptops: an administrator sees whether one person alone says so.
ALTER TABLE offered_rows ADD COLUMN seconded integer NOT NULL DEFAULT 0;

-- Who they are, so that nobody counts twice for one state of the row. It stays on the server.
CREATE TABLE offered_row_seconders (
    offer_id  uuid NOT NULL REFERENCES offered_rows ON DELETE CASCADE,
    row_stamp text NOT NULL,
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (offer_id, row_stamp, user_id)
);
CREATE INDEX offered_row_seconders_by_user ON offered_row_seconders (user_id);

-- A person offers no two rows under one stamp: no two rows ever had one.
CREATE INDEX offered_rows_by_stamp ON offered_rows (offered_by, row_stamp);
