-- What people read: names, times, decimal prices. Views of bar tables are made with them.

CREATE VIEW artham_views.instruments AS
  SELECT instrument, valid_from, valid_to, instrument_token, exchange, tradingsymbol, name, expiry,
         artham.price(strike) AS strike, artham.price(tick_size) AS tick_size, lot_size, instrument_type, segment,
         instrument_id
  FROM artham.instruments;

-- Ticks of both layouts. Conditions on instrument, instrument_token, instrument_id and piece_ts (a row of ticks in the
-- table, a pack of them; never later than its ticks' receive_ts) are answered by indexes; receive_ts alone reads more:
-- artham_views.ticks_of() gives both.
CREATE VIEW artham_views.ticks AS
  SELECT i.instrument, i.instrument_token, t.seq, t.epoch, t.mode, t.receive_ts, t.wall_ts, t.exchange_ts,
         artham.price(t.last_price) AS last_price, t.volume, t.oi, t.packet, t.instrument_id,
         t.receive_ts AS piece_ts
  FROM artham.ticks t JOIN artham.instruments i ON i.instrument_id = t.instrument_id AND i.is_first
  UNION ALL
  SELECT i.instrument, i.instrument_token, p.first_seq + u.seq, p.epoch, p.mode, artham.ts(u.receive_ns),
         artham.ts(coalesce(u.wall_ns, u.receive_ns)), artham.ts(coalesce(u.exchange_ns, u.receive_ns)),
         artham.price(u.last_price), u.volume, u.oi,
         substring(p.packets FROM ((u.n - 1) * p.packet_size + 1)::integer FOR p.packet_size), p.instrument_id,
         p.from_ts
  FROM artham.tick_packs p JOIN artham.instruments i ON i.instrument_id = p.instrument_id AND i.is_first
  CROSS JOIN LATERAL unnest(p.seq, p.receive_ns, p.wall_ns, p.exchange_ns, p.last_price, p.volume, p.oi)
    WITH ORDINALITY AS u (seq, receive_ns, wall_ns, exchange_ns, last_price, volume, oi, n);

-- A pack never reaches over the end of a minute.
CREATE FUNCTION artham_views.ticks_of(instrument text, from_ts timestamptz, to_ts timestamptz)
  RETURNS SETOF artham_views.ticks LANGUAGE sql STABLE AS $$
    SELECT * FROM artham_views.ticks AS t
    WHERE t.instrument = ticks_of.instrument
      AND t.piece_ts >= date_trunc('minute', ticks_of.from_ts) AND t.piece_ts < ticks_of.to_ts
      AND t.receive_ts >= ticks_of.from_ts AND t.receive_ts < ticks_of.to_ts
  $$;

-- The five best bids and asks of a packet in full mode; no rows for other packets.
CREATE FUNCTION artham_views.depth(packet bytea)
  RETURNS TABLE (side text, level integer, price numeric, quantity integer, orders integer)
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN n < 5 THEN 'bid' ELSE 'ask' END, n % 5 + 1,
           trim_scale(artham.int32_at(packet, 68 + 12 * n)::numeric
                      / CASE get_byte(packet, 3) WHEN 3 THEN 10000000 WHEN 6 THEN 10000 WHEN 12 THEN 10000 ELSE 100 END),
           artham.int32_at(packet, 64 + 12 * n),
           (get_byte(packet, 72 + 12 * n) << 8) | get_byte(packet, 73 + 12 * n)
    FROM generate_series(0, 9) AS n
    WHERE length(packet) = 184
  $$;

CREATE VIEW artham_views.gaps AS
  SELECT from_ts, to_ts, cause, detail, epoch, seq FROM artham.gaps;

CREATE VIEW artham_views.chains AS
  SELECT underlying, expiry, at_ts, state, forward_source, years, forward, artham.price(atm_strike) AS atm_strike, atm_iv,
         straddle, risk_reversal, butterfly, pcr_oi, pcr_volume, artham.price(max_pain) AS max_pain, gex, call_oi, put_oi,
         call_oi_change, put_oi_change, call_volume, put_volume, valued, chain_id
  FROM artham.chain_features;

CREATE VIEW artham_views.greeks AS
  SELECT i.instrument, g.instrument_token, g.at_ts, c.underlying, c.expiry, g.type, artham.price(g.strike) AS strike,
         g.state, artham.price(g.price) AS price, artham.price(g.bid) AS bid, artham.price(g.ask) AS ask,
         artham.price(g.last) AS last, g.volume, g.oi, g.oi_change, g.iv, g.delta, g.gamma, g.theta, g.vega, g.rho,
         g.theory, g.intrinsic, g.moneyness, c.forward, g.instrument_id
  FROM artham.option_greeks g
  JOIN artham.chain_features c ON c.chain_id = g.chain_id AND c.at_ts = g.at_ts
  JOIN artham.instruments i ON i.instrument_id = g.instrument_id AND i.is_first;

CREATE VIEW artham_views.features AS
  SELECT i.instrument, f.instrument_token, f.at_ts, artham.price(f.last) AS last,
         artham.price(f.price_change) AS price_change, f.volume_change, f.oi_change, artham.price(f.spread) AS spread,
         artham.price(f.microprice) AS microprice, f.depth_imbalance, f.rolling_return, f.volatility, f.instrument_id
  FROM artham.instrument_features f JOIN artham.instruments i ON i.instrument_id = f.instrument_id AND i.is_first;

CREATE VIEW artham_views.candles AS
  SELECT source, instrument_token, timeframe, bar_start_ts, bar_end_ts, artham.price(open) AS open,
         artham.price(high) AS high, artham.price(low) AS low, artham.price(close) AS close, volume, oi
  FROM artham.candles;
