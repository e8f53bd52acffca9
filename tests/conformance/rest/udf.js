'use strict';
// What TradingView's UDF adapter asks of a server, and what it makes of the answers: the questions, the conversions
// and the refusals are those of its datafeed (udf-compatible-datafeed, history-provider, quotes-provider).

const assert = require('node:assert');

/** The adapter's part that talks to the server. */
class Datafeed {
  constructor(node) {
    this.node = node;
  }

  /** It never looks at the status, and reads whatever comes as JSON. */
  async send(path, parameters = {}) {
    const query = Object.entries(parameters)
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
      .join('&');
    return JSON.parse((await this.node.get(`/udf/${path}${query && `?${query}`}`)).text);
  }

  async onReady() {
    const configuration = { exchanges: [], ...(await this.send('config')) };
    if (!configuration.supports_search && !configuration.supports_group_request) {
      throw new Error('Unsupported datafeed configuration. Must either support search, or support group request');
    }
    return configuration;
  }

  async resolveSymbol(symbol) {
    const response = await this.send('symbols', { symbol });
    if (response.s !== undefined) throw new Error('unknown_symbol');
    const listed = response.listed_exchange ?? response['exchange-listed'];
    return {
      ...response,
      base_name: [`${listed}:${response.name}`],
      full_name: `${listed}:${response.name}`,
      timezone: response.timezone ?? 'Etc/UTC',
    };
  }

  async searchSymbols(input, exchange = '', type = '') {
    const found = await this.send('search', { limit: 30, query: input.toUpperCase(), type, exchange });
    if (found.s !== undefined) throw new Error(found.errmsg);
    for (const item of found) {
      assert.ok(item.description !== undefined && item.full_name !== undefined);
    }
    return found;
  }

  async getBars(info, resolution, { from, to, countBack }) {
    const parameters = { symbol: info.ticker, resolution, from, to };
    if (countBack !== undefined) parameters.countback = countBack;
    const response = await this.send('history', parameters);
    if (response.s !== 'ok' && response.s !== 'no_data') throw new Error(response.errmsg);
    if (response.s === 'no_data') return { bars: [], meta: { noData: true, nextTime: response.nextTime } };
    const columns = ['t', 'o', 'h', 'l', 'c', 'v'].map((name) => response[name]);
    assert.ok(columns.every((column) => column.length === response.t.length));
    const bars = response.t.map((t, n) => ({
      time: t * 1000,
      open: parseFloat(response.o[n]),
      high: parseFloat(response.h[n]),
      low: parseFloat(response.l[n]),
      close: parseFloat(response.c[n]),
      volume: parseFloat(response.v[n]),
    }));
    return { bars, meta: { noData: false } };
  }

  async getQuotes(symbols) {
    const response = await this.send('quotes', { symbols });
    if (response.s !== 'ok') throw new Error(response.errmsg);
    return response.d;
  }

  /** Marks come as an array of objects, or as an object of arrays. */
  async getMarks(path, info, from, to, resolution) {
    const response = await this.send(path, { symbol: info.ticker, from, to, resolution });
    assert.ok(Array.isArray(response), JSON.stringify(response));
    return response;
  }

  async getServerTime() {
    const time = parseInt((await this.node.get('/udf/time')).text, 10);
    assert.ok(!Number.isNaN(time));
    return time;
  }
}

const barOf = (b, time) => ({
  time,
  open: Number(b.open),
  high: Number(b.high),
  low: Number(b.low),
  close: Number(b.close),
  volume: b.volume ?? 0,
});
const byStart = (b) => barOf(b, b.start / 1000);
/** Days are known by midnight UTC of their date in India. */
const byDate = (b) => barOf(b, Math.floor((b.start / 1e6 + 19_800) / 86_400) * 86_400_000);

async function symbols(node) {
  const feed = new Datafeed(node);
  const configuration = await feed.onReady();
  assert.ok(configuration.supports_marks && configuration.supports_timescale_marks && configuration.supports_time);
  assert.strictEqual(configuration.exchanges[0].value, '');
  assert.ok(configuration.exchanges.some((e) => e.value === 'NSE'));
  const all = (await node.get('/v1/instruments?limit=5000')).json.instruments;
  for (const i of all) {
    const info = await feed.resolveSymbol(i.key);
    assert.strictEqual(info.ticker, i.key);
    assert.strictEqual(info.full_name, i.key);
    assert.strictEqual(info.timezone, 'Asia/Kolkata');
    assert.match(info.session, /^0915-15[34]0:23456$/);
    if (Number(i.tick_size) > 0) assert.strictEqual(info.minmov / info.pricescale, Number(i.tick_size));
    for (const resolution of info.supported_resolutions) {
      assert.ok(configuration.supported_resolutions.includes(resolution));
    }
    assert.deepStrictEqual(info.intraday_multipliers,
      info.supported_resolutions.filter((r) => /^\d+$/.test(r)));
    const found = await feed.searchSymbols(i.symbol, i.exchange, info.type);
    assert.ok(found.some((f) => f.full_name === i.key && f.ticker === i.key && f.type === info.type), i.key);
    assert.ok(found.every((f) => f.exchange === i.exchange && f.type === info.type));
  }
  await assert.rejects(feed.resolveSymbol('NSE:NOSUCH'), /unknown_symbol/);
  assert.deepStrictEqual(await feed.searchSymbols('no such thing'), []);
  const now = Date.now() / 1000;
  assert.ok(Math.abs((await feed.getServerTime()) - now) < 30);
}

/** `key` has bars from `open` (microseconds) on. */
async function history(node, key, open) {
  const feed = new Datafeed(node);
  const info = await feed.resolveSymbol(key);
  const second = (micros) => micros / 1e6;
  for (const [resolution, timeframe] of [['1', '1m'], ['5', '5m'], ['60', '1h']]) {
    const own = await node.bars(key, timeframe, '&from=0');
    const from = second(open);
    const to = from + 3600;
    const inside = own.filter((b) => second(b.start) >= from && second(b.start) < to).map(byStart);
    assert.deepStrictEqual(await feed.getBars(info, resolution, { from, to }), { bars: inside, meta: { noData: false } });
    assert.ok(inside.length > 0);
    // With countback, so many before `to`, whatever `from` is.
    const before = own.filter((b) => second(b.start) < to);
    for (const countBack of [1, 3, inside.length, before.length, before.length + 1]) {
      const got = await feed.getBars(info, resolution, { from: to - 1, to, countBack });
      assert.deepStrictEqual(got.bars, before.slice(-countBack).map(byStart), `${resolution} countback ${countBack}`);
    }
    // Nothing there: the time of the bar before tells where to go on; in front of all there is none.
    const night = second(open) + 20 * 3600;
    const last = own.filter((b) => second(b.start) < night).at(-1);
    const nothing = await feed.getBars(info, resolution, { from: night, to: night + 3600 });
    assert.deepStrictEqual(nothing, { bars: [], meta: { noData: true, nextTime: second(last.start) } });
    const old = await feed.getBars(info, resolution, { from: 0, to: second(own[0].start), countBack: 300 });
    assert.deepStrictEqual(old, { bars: [], meta: { noData: true, nextTime: undefined } });
  }
  await assert.rejects(feed.getBars(info, '7', { from: 0, to: 1 }), /not stored/);
  await assert.rejects(feed.getBars(info, 'x', { from: 0, to: 1 }), /resolution/);
  await assert.rejects(feed.getBars({ ticker: 'NSE:NOSUCH' }, '1', { from: 0, to: 1 }), /unknown_symbol/);
}

async function days(node, key) {
  const feed = new Datafeed(node);
  const info = await feed.resolveSymbol(key);
  const own = (await node.bars(key, '1D', '&from=0')).map(byDate);
  const to = own.at(-1).time / 1000 + 1;
  for (const resolution of ['1D', 'D']) {
    assert.deepStrictEqual((await feed.getBars(info, resolution, { from: 0, to })).bars, own);
    assert.deepStrictEqual((await feed.getBars(info, resolution, { from: 0, to, countBack: 1 })).bars, own.slice(-1));
    const exact = { from: own[0].time / 1000, to: own[0].time / 1000 + 1 };
    assert.deepStrictEqual((await feed.getBars(info, resolution, exact)).bars, own.slice(0, 1));
  }
  for (const [resolution, timeframe] of [['1W', '1W'], ['1M', '1M'], ['12M', '1Y']]) {
    const longer = (await node.bars(key, timeframe, '&from=0')).map(byDate);
    assert.deepStrictEqual((await feed.getBars(info, resolution, { from: 0, to })).bars, longer);
  }
}

/** They are Kite's quotes in other words. */
async function quotes(node) {
  const feed = new Datafeed(node);
  const { instruments } = (await node.get('/v1/instruments?limit=5000')).json;
  const asked = instruments.map((i) => `i=${encodeURIComponent(i.key)}`).join('&');
  const wanted = (await node.get(`/kite/quote?${asked}`)).json.data;
  assert.ok(Object.keys(wanted).length > 0);
  const keys = [...Object.keys(wanted), 'NSE:NOSUCH'];
  const found = await feed.getQuotes(keys);
  assert.deepStrictEqual(found.map((q) => q.n), keys);
  assert.deepStrictEqual(found.at(-1), { s: 'error', n: 'NSE:NOSUCH', v: {} });
  for (const q of found.slice(0, -1)) {
    const kite = wanted[q.n];
    assert.strictEqual(q.s, 'ok');
    assert.strictEqual(q.v.lp, kite.last_price);
    assert.strictEqual(q.v.ch, kite.net_change);
    assert.ok(Math.abs(q.v.chp - (100 * kite.net_change) / kite.ohlc.close) < 0.0051);
    assert.strictEqual(q.v.prev_close_price, kite.ohlc.close);
    assert.strictEqual(q.v.volume, kite.volume);
    assert.strictEqual(q.v.bid, kite.depth.buy[0].price || undefined);
    assert.strictEqual(q.v.ask, kite.depth.sell[0].price || undefined);
    assert.strictEqual(`${q.v.exchange}:${q.v.short_name}`, q.n);
  }
}

/** Of a node that was stopped and started in the middle: bars in [0, to] (seconds) are as they are. */
async function marks(node, key, to) {
  const feed = new Datafeed(node);
  const info = await feed.resolveSymbol(key);
  const { gaps } = (await node.get(`/v1/gaps?to=${to}000000`)).json;
  const scale = await feed.getMarks('timescale_marks', info, 0, to, '1');
  assert.deepStrictEqual(scale.map((m) => m.time).sort(), gaps.map((g) => Math.floor(g.from / 1e6)).sort());
  assert.ok(scale.length > 0);
  for (const m of scale) assert.ok(m.tooltip.length >= 2 && m.tooltip.every((line) => typeof line === 'string'));
  const flagged = (await node.bars(key, '1m', '&from=0')).filter(
    (b) => b.start / 1e6 <= to && (b.revision > 0 || b.flags.includes('gap')));
  const onBars = await feed.getMarks('marks', info, 0, to, '1');
  assert.deepStrictEqual(onBars.map((m) => m.time).sort(), flagged.map((b) => b.start / 1e6).sort());
  assert.ok(onBars.length > 0);
  assert.strictEqual(new Set([...onBars, ...scale].map((m) => m.id)).size, onBars.length + scale.length);
  for (const m of onBars) assert.ok(m.label.length === 1 && m.text.length > 0 && m.color.length > 0);
}

module.exports = { days, history, marks, quotes, symbols };
