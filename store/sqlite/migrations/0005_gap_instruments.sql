-- Whom a loss concerns: tokens in ascending order, as a JSON array (json_each reads it). NULL: all, as in rows of before.
ALTER TABLE gaps ADD COLUMN instrument_tokens TEXT;
