-- How many others have offered the very same as an offered row: with 0, one person alone says so.
ALTER TABLE offered_rows ADD COLUMN seconded INTEGER NOT NULL DEFAULT 0;
UPDATE offered_rows SET digest = NULL;
