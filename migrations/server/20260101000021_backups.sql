-- How far a device's changes are in a backup. What a laptop sent and no backup holds it keeps, to send it again if the server
-- ever has to go back to one.
ALTER TABLE device_states ADD COLUMN backed_up_n bigint NOT NULL DEFAULT 0 CHECK (backed_up_n >= 0);
