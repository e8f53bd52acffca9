-- Times are timestamptz with what is below their microsecond beside them, prices are integers of 1e-9 (the views in
-- artham_views show decimals), quantities are integers. What is not known is NULL. @BY_TIME(column)@ is the clause that
-- partitions by time where TimescaleDB does not.

-- For reading: ns since 1970 as a time, prices as decimals.
CREATE FUNCTION artham.ts(ns bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN timestamptz '1970-01-01 00:00:00+00' + (ns / 1000) * interval '1 microsecond';
CREATE FUNCTION artham.price(units bigint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN trim_scale(units * 0.000000001);
-- A big-endian integer of a packet, as Kite writes it.
CREATE FUNCTION artham.int32_at(packet bytea, at integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (get_byte(packet, at) << 24) | (get_byte(packet, at + 1) << 16) | (get_byte(packet, at + 2) << 8)
         | get_byte(packet, at + 3);

CREATE TABLE artham.instruments (
  instrument_id    integer NOT NULL,  -- one per (exchange, tradingsymbol, expiry), for ever
  valid_from       date NOT NULL,
  valid_to         date,              -- exclusive; NULL: in force
  instrument_token bigint NOT NULL,
  exchange_token   bigint NOT NULL,
  exchange         text NOT NULL,
  tradingsymbol    text NOT NULL,
  name             text NOT NULL,
  expiry           date,
  strike           bigint NOT NULL,
  tick_size        bigint NOT NULL,
  lot_size         bigint NOT NULL,
  instrument_type  text NOT NULL,
  segment          text NOT NULL,
  is_first         boolean NOT NULL,  -- of the versions of its instrument_id
  instrument       text NOT NULL GENERATED ALWAYS AS (exchange || ':' || tradingsymbol) STORED,
  PRIMARY KEY (instrument_id, valid_from)
);
CREATE INDEX instruments_by_key ON artham.instruments (instrument);
CREATE INDEX instruments_by_symbol ON artham.instruments (exchange, tradingsymbol);
CREATE INDEX instruments_by_token ON artham.instruments (instrument_token);

-- Ticks when store.tick_layout = rows. seq is dense over the life of md:ticks.
CREATE TABLE artham.ticks (
  seq              bigint NOT NULL,
  receive_ts       timestamptz NOT NULL,  -- market time
  wall_ts          timestamptz NOT NULL,
  exchange_ts      timestamptz NOT NULL,  -- receive time where the packet has none
  last_price       bigint NOT NULL,
  volume           bigint,                -- the day's cumulative volume; of imported ticks maybe their own size
  oi               bigint,
  epoch            integer NOT NULL,
  instrument_id    integer NOT NULL,
  fraction         integer NOT NULL,      -- ns below the microsecond: receive * 1000000 + wall * 1000 + exchange
  mode             smallint NOT NULL,     -- 0 ltp, 1 index quote, 2 index full, 3 quote, 4 full
  packet           bytea                  -- as Kite sent it, with the depth; NULL for imported ticks
) @BY_TIME(receive_ts)@;

-- Ticks when store.tick_layout = packed: those of one instrument, mode and short time in one row. An array has an
-- element per tick, or is NULL when no tick has a value. Times are ns since 1970.
CREATE TABLE artham.tick_packs (
  first_seq        bigint NOT NULL,
  last_seq         bigint NOT NULL,
  from_ts          timestamptz NOT NULL,  -- receive time of the first tick, cut to the microsecond
  to_ts            timestamptz NOT NULL,  -- of the last
  epoch            integer NOT NULL,
  instrument_id    integer NOT NULL,
  ticks            integer NOT NULL,
  mode             smallint NOT NULL,
  packet_size      smallint NOT NULL,     -- 0: no packets
  seq              integer[] COMPRESSION lz4 NOT NULL,  -- less first_seq
  receive_ns       bigint[] COMPRESSION lz4 NOT NULL,
  wall_ns          bigint[] COMPRESSION lz4,              -- NULL: those of receive_ns
  exchange_ns      bigint[] COMPRESSION lz4,              -- NULL: those of receive_ns
  last_price       bigint[] COMPRESSION lz4 NOT NULL,
  volume           bigint[] COMPRESSION lz4,
  oi               bigint[] COMPRESSION lz4,
  packets          bytea COMPRESSION lz4  -- one behind the other
) @BY_TIME(from_ts)@;

CREATE TABLE artham.gaps (
  epoch            bigint NOT NULL,
  seq              bigint NOT NULL,
  from_ts          timestamptz NOT NULL,
  to_ts            timestamptz NOT NULL,
  fraction         integer NOT NULL,      -- ns below the microsecond: from * 1000 + to
  cause            smallint NOT NULL,
  detail           text NOT NULL,
  PRIMARY KEY (epoch, seq)
);
CREATE INDEX gaps_by_time ON artham.gaps (to_ts);

-- What bar builders leave out, as md:deadletter says it: a row per record of it, never changed.
CREATE TABLE artham.quarantines (
  epoch            bigint NOT NULL,       -- position in md:deadletter
  seq              bigint NOT NULL,
  what             smallint NOT NULL,     -- 1 a record is left out, 2 an actor takes nothing more, 3 that has ended
  actor            smallint NOT NULL,     -- 1 bar builder
  instrument_token bigint NOT NULL,
  at_epoch         bigint NOT NULL,       -- position in md:ticks: the record, or where the actor stopped
  at_seq           bigint NOT NULL,
  cause_epoch      bigint NOT NULL,       -- where it ended, if it has; else as above
  cause_seq        bigint NOT NULL,
  cause_ordinal    bigint NOT NULL,
  at_ns            bigint NOT NULL,       -- market time, ns since 1970
  error            text NOT NULL,
  PRIMARY KEY (epoch, seq)
);

-- Rows that this database refused, and why. Their records are in the journal.
CREATE TABLE artham.dead_letters (
  stream           text NOT NULL,
  epoch            bigint NOT NULL,       -- position in md:ticks of the tick, or of the record's cause
  seq              bigint NOT NULL,
  ordinal          bigint NOT NULL,
  instrument_token bigint NOT NULL,       -- 0: of a chain
  reason           text NOT NULL,
  refused_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (stream, epoch, seq, ordinal, instrument_token)
);

-- How far each consumer has stored each stream; written in the transaction that stores the rows, which locks its rows.
CREATE TABLE artham.positions (
  consumer         text NOT NULL,
  stream           text NOT NULL,
  shard            integer NOT NULL,
  epoch            bigint NOT NULL,
  seq              bigint NOT NULL,
  ordinal          bigint NOT NULL,
  PRIMARY KEY (consumer, stream, shard)
) WITH (fillfactor = 50);

-- What retention has removed: rows of a table before a time.
CREATE TABLE artham.removed (
  table_name       text PRIMARY KEY,
  before_ts        timestamptz NOT NULL
);

-- The exchange's own bars, beside ours and never among them.
CREATE TABLE artham.candles (
  source           text NOT NULL,         -- kite
  instrument_token bigint NOT NULL,
  timeframe        text NOT NULL,         -- 1m, 1D
  bar_start_ts     timestamptz NOT NULL,
  bar_end_ts       timestamptz NOT NULL,
  open             bigint NOT NULL,
  high             bigint NOT NULL,
  low              bigint NOT NULL,
  close            bigint NOT NULL,
  volume           bigint NOT NULL,
  oi               bigint,
  PRIMARY KEY (source, instrument_token, timeframe, bar_start_ts)
);

-- Chains of options at clock marks, and the options in them. States and sources are names.
CREATE SEQUENCE artham.chain_ids;
CREATE TABLE artham.chain_features (
  chain_id         bigint NOT NULL DEFAULT nextval('artham.chain_ids'),
  underlying       text NOT NULL,         -- NIFTY
  expiry           date NOT NULL,
  at_ts            timestamptz NOT NULL,  -- of the clock mark
  state            text NOT NULL,         -- ok, expired, no_underlying
  forward_source   text NOT NULL,         -- parity, future, spot, none
  fields           integer NOT NULL,      -- docs/streams.md
  age              bigint NOT NULL,       -- ns, of the prices that the forward is from
  years            double precision NOT NULL,
  forward          double precision,
  atm_strike       bigint,
  atm_iv           double precision,
  straddle         double precision,
  risk_reversal    double precision,
  butterfly        double precision,
  pcr_oi           double precision,
  pcr_volume       double precision,
  max_pain         bigint,
  gex              double precision,
  call_oi          bigint,
  put_oi           bigint,
  call_oi_change   bigint,
  put_oi_change    bigint,
  call_volume      bigint,
  put_volume       bigint,
  valued           bigint NOT NULL,       -- options with a volatility
  cause_epoch      bigint NOT NULL,
  cause_seq        bigint NOT NULL,
  cause_ordinal    bigint NOT NULL,
  PRIMARY KEY (underlying, expiry, at_ts)
) @BY_TIME(at_ts)@;
CREATE INDEX chain_features_by_id ON artham.chain_features (chain_id);

CREATE TABLE artham.option_greeks (
  chain_id         bigint NOT NULL,
  at_ts            timestamptz NOT NULL,  -- of its chain
  strike           bigint NOT NULL,
  instrument_token bigint NOT NULL,
  instrument_id    integer NOT NULL,
  fields           integer NOT NULL,
  type             text NOT NULL,         -- CE or PE
  state            text NOT NULL,
  price            bigint,                -- what the volatility was solved from
  bid              bigint,
  ask              bigint,
  last             bigint,
  volume           bigint,
  oi               bigint,
  oi_change        bigint,                -- since the day's first tick
  age              bigint NOT NULL,       -- ns, of the quote
  iv               double precision,
  delta            double precision,
  gamma            double precision,
  theta            double precision,      -- a calendar day
  vega             double precision,      -- 1 point of volatility
  rho              double precision,      -- 1 point of rate
  theory           double precision,
  intrinsic        double precision,
  moneyness        double precision,      -- ln(strike / forward)
  PRIMARY KEY (instrument_id, at_ts)
) @BY_TIME(at_ts)@;
CREATE INDEX option_greeks_by_chain ON artham.option_greeks (chain_id);

CREATE TABLE artham.instrument_features (
  at_ts            timestamptz NOT NULL,  -- of the clock mark
  instrument_token bigint NOT NULL,
  instrument_id    integer NOT NULL,
  fields           integer NOT NULL,
  last             bigint NOT NULL,
  price_change     bigint,                -- this and the next two since the mark before
  volume_change    bigint,
  oi_change        bigint,
  spread           bigint,
  microprice       bigint,
  depth_imbalance  double precision,
  rolling_return   double precision,
  volatility       double precision,      -- a year
  quote_epoch      bigint NOT NULL,       -- position of the newest tick in it
  quote_seq        bigint NOT NULL,
  cause_epoch      bigint NOT NULL,
  cause_seq        bigint NOT NULL,
  cause_ordinal    bigint NOT NULL,
  PRIMARY KEY (instrument_id, at_ts)
) @BY_TIME(at_ts)@;
CREATE INDEX tick_packs_by_instrument ON artham.tick_packs (instrument_id, from_ts);
CREATE INDEX ticks_by_instrument ON artham.ticks (instrument_id, receive_ts);
