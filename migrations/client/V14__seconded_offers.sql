-- How many others have offered the very same as an offered row: with 0, one person alone says so. Empty until the
-- row is read again.
ALTER TABLE offered_rows ADD COLUMN seconded INTEGER;
UPDATE offered_rows SET digest = NULL;
