-- Chains of options at clock marks, and the options in them. What is not known is NULL; states and sources are names.
CREATE TABLE chain_features (
  chain_id         INTEGER PRIMARY KEY,
  underlying       TEXT NOT NULL,     -- NIFTY
  expiry           INTEGER NOT NULL,  -- date
  at_ts            INTEGER NOT NULL,  -- of the clock mark
  state            TEXT NOT NULL,     -- ok, expired, no_underlying
  forward_source   TEXT NOT NULL,     -- parity, future, spot, none
  fields           INTEGER NOT NULL,  -- docs/streams.md
  age              INTEGER NOT NULL,  -- ns, of the prices that the forward is from
  years            REAL NOT NULL,
  forward          REAL,
  atm_strike       INTEGER,
  atm_iv           REAL,
  straddle         REAL,
  risk_reversal    REAL,
  butterfly        REAL,
  pcr_oi           REAL,
  pcr_volume       REAL,
  max_pain         INTEGER,
  gex              REAL,
  call_oi          INTEGER,
  put_oi           INTEGER,
  call_oi_change   INTEGER,
  put_oi_change    INTEGER,
  call_volume      INTEGER,
  put_volume       INTEGER,
  valued           INTEGER NOT NULL,  -- options with a volatility
  cause_epoch      INTEGER NOT NULL,
  cause_seq        INTEGER NOT NULL,
  cause_ordinal    INTEGER NOT NULL,
  UNIQUE (underlying, expiry, at_ts)
);

CREATE TABLE option_greeks (
  chain_id         INTEGER NOT NULL REFERENCES chain_features,
  instrument_id    INTEGER NOT NULL,
  instrument_token INTEGER NOT NULL,
  type             TEXT NOT NULL,     -- CE or PE
  strike           INTEGER NOT NULL,
  state            TEXT NOT NULL,
  fields           INTEGER NOT NULL,
  price            INTEGER,           -- what the volatility was solved from
  bid              INTEGER,
  ask              INTEGER,
  last             INTEGER,
  volume           INTEGER,
  oi               INTEGER,
  oi_change        INTEGER,           -- since the day's first tick
  age              INTEGER NOT NULL,  -- ns, of the quote
  iv               REAL,
  delta            REAL,
  gamma            REAL,
  theta            REAL,              -- a calendar day
  vega             REAL,              -- 1 point of volatility
  rho              REAL,              -- 1 point of rate
  theory           REAL,
  intrinsic        REAL,
  moneyness        REAL,              -- ln(strike / forward)
  PRIMARY KEY (chain_id, instrument_id)
) WITHOUT ROWID;
CREATE INDEX option_greeks_by_instrument ON option_greeks (instrument_id, chain_id);

CREATE TABLE instrument_features (
  at_ts            INTEGER NOT NULL,  -- of the clock mark
  instrument_id    INTEGER NOT NULL,
  instrument_token INTEGER NOT NULL,
  fields           INTEGER NOT NULL,
  last             INTEGER NOT NULL,
  price_change     INTEGER,           -- this and the next two since the mark before
  volume_change    INTEGER,
  oi_change        INTEGER,
  spread           INTEGER,
  microprice       INTEGER,
  depth_imbalance  REAL,
  rolling_return   REAL,
  volatility       REAL,              -- a year
  quote_epoch      INTEGER NOT NULL,  -- position of the newest tick in it
  quote_seq        INTEGER NOT NULL,
  cause_epoch      INTEGER NOT NULL,
  cause_seq        INTEGER NOT NULL,
  cause_ordinal    INTEGER NOT NULL,
  PRIMARY KEY (at_ts, instrument_id)
) WITHOUT ROWID;
CREATE INDEX instrument_features_by_instrument ON instrument_features (instrument_id, at_ts);
