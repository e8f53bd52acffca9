-- Whom a loss concerns: tokens in ascending order. NULL: all, as in rows of before.
ALTER TABLE artham.gaps ADD COLUMN instrument_tokens bigint[];

CREATE OR REPLACE VIEW artham_views.gaps AS
  SELECT from_ts, to_ts, cause, detail, epoch, seq, instrument_tokens FROM artham.gaps;
