-- The exchange's own bars, beside ours and never among them. Which instrument a token means follows from the time, as
-- everywhere; so a row can be written while another process makes instruments.
CREATE TABLE candles (
  source           TEXT NOT NULL,     -- kite
  instrument_token INTEGER NOT NULL,
  timeframe        TEXT NOT NULL,     -- 1m, 1D
  bar_start_ts     INTEGER NOT NULL,
  bar_end_ts       INTEGER NOT NULL,
  open             INTEGER NOT NULL,
  high             INTEGER NOT NULL,
  low              INTEGER NOT NULL,
  close            INTEGER NOT NULL,
  volume           INTEGER NOT NULL,
  oi               INTEGER,
  PRIMARY KEY (source, instrument_token, timeframe, bar_start_ts)
) WITHOUT ROWID;
