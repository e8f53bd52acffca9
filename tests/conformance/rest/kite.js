'use strict';
// What the official Kite client, unmodified, gets of the gateway.

const assert = require('node:assert');
const { KiteConnect } = require('kiteconnect');
const { until } = require('./artham.js');
const { framesOfHex, tickOf, tokenOf } = require('./recording.js');

const clientOf = (node, more = {}) =>
  new KiteConnect({ api_key: 'key', access_token: 'token', root: `${node.url}/kite`, ...more });

/** In India, as Kite writes times; the tests run in that time zone. */
function istOf(date) {
  const two = (n) => String(n).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

const noDepth = () => Array.from({ length: 5 }, () => ({ price: 0, quantity: 0, orders: 0 }));
const hundredths = (n) => Math.round(n * 100) / 100;

/** The quote that a packet means, as the client publishes it. */
function quoteOf(packet) {
  const tick = tickOf(packet);
  const time = (t) => (t ? new Date(t) : null);
  return {
    instrument_token: tick.instrument_token,
    timestamp: time(tick.exchange_timestamp),
    last_trade_time: time(tick.last_trade_time),
    last_price: tick.last_price,
    last_quantity: tick.last_traded_quantity ?? 0,
    buy_quantity: tick.total_buy_quantity ?? 0,
    sell_quantity: tick.total_sell_quantity ?? 0,
    volume: tick.volume_traded ?? 0,
    average_price: tick.average_traded_price ?? 0,
    oi: tick.oi ?? 0,
    oi_day_high: tick.oi_day_high ?? 0,
    oi_day_low: tick.oi_day_low ?? 0,
    net_change: tick.ohlc.close === 0 ? 0 : hundredths(tick.last_price - tick.ohlc.close),
    lower_circuit_limit: 0,
    upper_circuit_limit: 0,
    ohlc: tick.ohlc,
    depth: tick.depth ?? { buy: noDepth(), sell: noDepth() },
  };
}

const packetsOf = (recording) => framesOfHex(recording).flat();

/** The last packet of each instrument in a recording. */
function lastPackets(recording) {
  const last = new Map();
  for (const packet of packetsOf(recording)) last.set(tokenOf(packet), packet);
  return last;
}

const instrumentsOf = async (kite, exchange) =>
  (await kite.getInstruments(exchange)).filter((row) => row.instrument_token !== '');

async function quotes(node, recording) {
  const kite = clientOf(node);
  const last = lastPackets(recording);
  const rows = await instrumentsOf(kite);
  const keys = rows.map((row) => `${row.exchange}:${row.tradingsymbol}`);
  assert.strictEqual(last.size, 8);
  const wanted = {};
  rows.forEach((row, n) => {
    const packet = last.get(Number(row.instrument_token));
    if (packet) wanted[keys[n]] = quoteOf(packet);
  });
  assert.strictEqual(Object.keys(wanted).length, last.size);

  const found = await until('that all quotes are there', () => kite.getQuote(keys).catch((e) => e),
    (q) => q.error_type === undefined && Object.keys(q).length === last.size);
  assert.deepStrictEqual(found, wanted);
  assert.deepStrictEqual(Object.keys(found), keys.filter((key) => wanted[key]), 'in the order asked for');

  const by = (pick) => Object.fromEntries(Object.entries(wanted).map(([key, q]) => [key, pick(q)]));
  assert.deepStrictEqual(await kite.getOHLC(keys),
    by(({ instrument_token, last_price, ohlc }) => ({ instrument_token, last_price, ohlc })));
  assert.deepStrictEqual(await kite.getLTP(keys),
    by(({ instrument_token, last_price }) => ({ instrument_token, last_price })));

  // By token; what is not known is absent; each once.
  const [token] = last.keys();
  assert.deepStrictEqual(await kite.getQuote([String(token), 'NSE:NO SUCH & THING', String(token)]),
    { [token]: quoteOf(last.get(token)) });
}

async function instruments(node) {
  const kite = clientOf(node);
  const ours = (await node.get('/v1/instruments?limit=5000')).json.instruments;
  const rows = await instrumentsOf(kite);
  assert.deepStrictEqual(
    rows.map((r) => `${r.exchange}:${r.tradingsymbol} ${r.instrument_token}`).sort(),
    ours.map((i) => `${i.key} ${i.token}`).sort());
  assert.deepStrictEqual(Object.keys(rows[0]), [
    'instrument_token', 'exchange_token', 'tradingsymbol', 'name', 'last_price', 'expiry', 'strike',
    'tick_size', 'lot_size', 'instrument_type', 'segment', 'exchange',
  ]);
  for (const i of ours) {
    const row = rows.find((r) => Number(r.instrument_token) === i.token);
    assert.strictEqual(row.tick_size, Number(i.tick_size));
    assert.strictEqual(row.lot_size, i.lot_size);
    assert.strictEqual(row.strike, Number(i.strike ?? 0));
    assert.deepStrictEqual(row.expiry, i.expiry ? new Date(i.expiry) : '');
  }
  const one = await instrumentsOf(kite, 'NSE');
  assert.deepStrictEqual(one.map((r) => r.instrument_token).sort(),
    rows.filter((r) => r.exchange === 'NSE').map((r) => r.instrument_token).sort());
  assert.ok(one.length > 0 && one.length < rows.length, 'the market has several exchanges');
  assert.deepStrictEqual(await instrumentsOf(kite, 'XXX'), []);
}

const intervals = [
  ['minute', '1m'], ['3minute', '3m'], ['5minute', '5m'], ['15minute', '15m'], ['30minute', '30m'], ['60minute', '1h'],
];

/** One of our bars as the client publishes a candle. */
function candleOf(bar) {
  const candle = { date: new Date(bar.start / 1000) };
  for (const name of ['open', 'high', 'low', 'close']) candle[name] = Number(bar[name]);
  candle.volume = bar.volume ?? 0;
  if (bar.oi) candle.oi = bar.oi;
  return candle;
}

/** Ten minutes out of fives, counted from the session's open. */
function tens(fives, open) {
  const made = new Map();
  for (const five of fives) {
    const start = open + Math.floor((five.start - open) / 600e6) * 600e6;
    const ten = made.get(start);
    if (!ten) {
      made.set(start, { ...five, start });
      continue;
    }
    ten.high = Math.max(Number(ten.high), Number(five.high));
    ten.low = Math.min(Number(ten.low), Number(five.low));
    ten.close = five.close;
    ten.volume += five.volume ?? 0;
    ten.oi = five.oi ?? ten.oi;
  }
  return [...made.values()];
}

/** `keys` are instruments with at least two hours of bars from `open` (microseconds) on. */
async function candles(node, keys, open) {
  const kite = clientOf(node);
  const at = (minutes) => istOf(new Date(open / 1000 + minutes * 60_000));
  const inside = (bars, minutes) => bars.filter((b) => b.start >= open && b.start <= open + minutes * 60e6);
  for (const { key, token } of keys) {
    for (const [interval, timeframe] of intervals) {
      const wanted = inside(await node.bars(key, timeframe, '&from=0'), 60).map(candleOf);
      const found = await kite.getHistoricalData(token, interval, at(0), at(60), false, true);
      assert.deepStrictEqual(found, wanted, `${key} ${interval}`);
      assert.ok(found.length >= 2, `${key} ${interval} has both ends: ${found.length}`);
      assert.deepStrictEqual(found[0].date, new Date(open / 1000));
      assert.deepStrictEqual(found.at(-1).date, new Date(open / 1000 + 3_600_000), `${interval}: the end is in it`);
      const without = await kite.getHistoricalData(token, interval, at(0), at(60));
      assert.ok(without.every((c) => c.oi === undefined));
    }
    const ten = inside(tens(await node.bars(key, '5m', '&from=0'), open), 50);
    assert.deepStrictEqual(await kite.getHistoricalData(token, '10minute', at(0), at(50), 0, 1), ten.map(candleOf));
    assert.deepStrictEqual(await kite.getHistoricalData(token, '10minute', at(3), at(30), 0, 1),
      ten.filter((b) => b.start > open && b.start <= open + 30 * 60e6).map(candleOf), 'no part of one');
  }
}

/** `key` has days. */
async function days(node, key, token) {
  const kite = clientOf(node);
  const own = await node.bars(key, '1D', '&from=0');
  const midnight = (bar) => {
    const date = new Date(bar.start / 1000);
    date.setHours(0, 0, 0, 0);
    return date;
  };
  const wanted = own.map((bar) => ({ ...candleOf(bar), date: midnight(bar) }));
  const [first, last] = [istOf(wanted[0].date).slice(0, 10), istOf(wanted.at(-1).date).slice(0, 10)];
  assert.deepStrictEqual(await kite.getHistoricalData(token, 'day', first, last, false, true), wanted);
  assert.deepStrictEqual(await kite.getHistoricalData(token, 'day', `${first} 09:15:00`, `${first} 15:30:00`, false, true),
    wanted.slice(0, 1));
  const answer = await node.get(`/kite/instruments/historical/${token}/day?from=${first}&to=${last}`);
  assert.strictEqual(answer.json.data.candles[0][0], `${first}T00:00:00+0530`);
}

async function sessions(node) {
  const kite = clientOf(node, { access_token: undefined });
  const session = await kite.generateSession('asked', 'secret');
  assert.ok(session.access_token);
  assert.strictEqual(session.api_key, 'key');
  kite.setAccessToken(session.access_token);
  const profile = await kite.getProfile();
  assert.deepStrictEqual(profile.exchanges, session.exchanges);
  assert.ok(profile.exchanges.includes('NSE'));
  assert.strictEqual(await kite.invalidateAccessToken(session.access_token), true);
}

async function refused(promise, type) {
  await assert.rejects(promise, (e) => {
    assert.strictEqual(e.error_type, type, JSON.stringify(e));
    assert.strictEqual(e.status, 'error');
    assert.ok(e.message.length > 5);
    return true;
  });
}

async function errors(node, token) {
  const kite = clientOf(node);
  const many = (n) => Array.from({ length: n }, (_, i) => `NSE:X${i}`);
  await kite.getQuote(many(500));
  await refused(kite.getQuote(many(501)), 'InputException');
  await kite.getLTP(many(1000));
  await refused(kite.getLTP(many(1001)), 'InputException');
  await refused(kite.getOHLC(many(1001)), 'InputException');
  await refused(kite.getQuote([]), 'InputException');
  const day = ['2026-11-20 09:15:00', '2026-11-20 15:30:00'];
  await refused(kite.getHistoricalData(token, '7minute', ...day), 'InputException');
  await refused(kite.getHistoricalData(1, 'minute', ...day), 'InputException');
  await refused(kite.getHistoricalData(token, 'minute', 'yesterday', day[1]), 'InputException');
  await refused(kite.getHistoricalData(token, 'minute', day[1], day[0]), 'InputException');
  await refused(kite.getHistoricalData(token, 'minute', '2026-01-01', '2026-11-20'), 'InputException');
  await refused(kite.getHistoricalData(token, 'day', ...day, true), 'InputException');
  await refused(kite.getOrders(), 'PermissionException');
  await refused(kite.getHoldings(), 'PermissionException');
  await refused(clientOf(node, { api_key: '', access_token: undefined }).generateSession('asked', 'secret'), 'InputException');
  let expired = 0;
  const stranger = clientOf(node, { access_token: ' ' });
  stranger.setSessionExpiryHook(() => ++expired);
  await refused(stranger.getProfile(), 'TokenException');
  assert.strictEqual(expired, 1);

  const plain = async (target, headers) => {
    const { status, json } = await node.get(target, headers);
    return [status, json.error_type];
  };
  assert.deepStrictEqual(await plain('/kite/nothing'), [404, 'GeneralException']);
  assert.deepStrictEqual(await plain('/kite/session/token'), [405, 'InputException']);
  assert.deepStrictEqual(await plain('/kite/user/profile', { Authorization: 'Basic a2V5' }), [403, 'TokenException']);
  assert.deepStrictEqual(await plain('/kite/user/profile', { 'X-Kite-Version': '2' }), [400, 'InputException']);
  assert.deepStrictEqual(await plain('/kite/orders'), [403, 'PermissionException']);
}

module.exports = { candles, days, errors, instruments, packetsOf, quotes, sessions };
