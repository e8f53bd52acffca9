-- Times are UTC nanoseconds, dates days since 1970-01-01, prices integers of 1e-9, quantities integers.

CREATE TABLE instruments (
  instrument_id    INTEGER NOT NULL,  -- one per (exchange, tradingsymbol, expiry), for ever
  valid_from       INTEGER NOT NULL,
  valid_to         INTEGER,           -- exclusive; NULL: in force
  instrument_token INTEGER NOT NULL,
  exchange_token   INTEGER NOT NULL,
  exchange         TEXT NOT NULL,
  tradingsymbol    TEXT NOT NULL,
  name             TEXT NOT NULL,
  expiry           INTEGER NOT NULL,  -- 0: none
  strike           INTEGER NOT NULL,
  tick_size        INTEGER NOT NULL,
  lot_size         INTEGER NOT NULL,
  instrument_type  TEXT NOT NULL,
  segment          TEXT NOT NULL,
  PRIMARY KEY (instrument_id, valid_from)
) WITHOUT ROWID;
CREATE INDEX instruments_by_symbol ON instruments (exchange, tradingsymbol);
CREATE INDEX instruments_by_token ON instruments (instrument_token);

-- One row per journaled tick when store.ticks = table. seq is dense over the life of md:ticks.
CREATE TABLE ticks (
  seq              INTEGER PRIMARY KEY,
  epoch            INTEGER NOT NULL,
  instrument_id    INTEGER NOT NULL,
  mode             INTEGER NOT NULL,  -- 0 ltp, 1 index quote, 2 index full, 3 quote, 4 full
  receive_ts       INTEGER NOT NULL,  -- market time
  wall_ts          INTEGER NOT NULL,
  exchange_ts      INTEGER NOT NULL,  -- receive time where the packet has none
  last_price       INTEGER NOT NULL,
  volume           INTEGER,           -- the day's cumulative volume; of imported ticks maybe their own size
  oi               INTEGER,
  packet           BLOB               -- as Kite sent it, with every other field and the depth; NULL for imported ticks
);

CREATE TABLE gaps (
  epoch            INTEGER NOT NULL,
  seq              INTEGER NOT NULL,
  from_ts          INTEGER NOT NULL,
  to_ts            INTEGER NOT NULL,
  cause            INTEGER NOT NULL,
  detail           TEXT NOT NULL,
  PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE INDEX gaps_by_time ON gaps (to_ts);

-- How far each consumer has stored each stream; written in the transaction that stores the rows.
CREATE TABLE positions (
  consumer         TEXT NOT NULL,
  stream           TEXT NOT NULL,
  shard            INTEGER NOT NULL,
  epoch            INTEGER NOT NULL,
  seq              INTEGER NOT NULL,
  ordinal          INTEGER NOT NULL,
  PRIMARY KEY (consumer, stream, shard)
) WITHOUT ROWID;
