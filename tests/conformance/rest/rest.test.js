'use strict';
// ARTHAM_PROGRAM is the program, ARTHAM_SOURCE_DIR the source tree; TZ is India's.

const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Artham, Exchange, until } = require('./artham.js');
const kite = require('./kite.js');
const openapi = require('./openapi.js');
const udf = require('./udf.js');

const recording = path.join(process.env.ARTHAM_SOURCE_DIR, 'tests/data/synthetic/market_8.hex');

/** Runs the steps on a node, one after the other, and stops it whatever happens. */
async function withNode(t, node, steps) {
  try {
    for (const [name, step] of steps) await t.test(name, step);
  } finally {
    await node.stop();
  }
}

test('a recording that was played to its end', async (t) => {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const exchange = await Exchange.start('--recording', recording);
  const settings = ['--set', `feed.url=${exchange.url}`, '--set', 'bars.timeframes=1m 1D'];
  const node = await Artham.start(folder, ...settings);
  await node.received(kite.packetsOf(recording).length);
  await withNode(t, node, [
    ['Kite: quotes are the last packets', () => kite.quotes(node, recording)],
    ['UDF: quotes', () => udf.quotes(node)],
  ]);
  await exchange.stop();

  const again = await Artham.start(folder, ...settings);
  await withNode(t, again, [
    ['Kite: they are known after a start, without the exchange', () => kite.quotes(again, recording)],
  ]);
});

test('a market of several days', async (t) => {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const exchange = await Exchange.start('--synthetic', '8', '--date', '2026-11-19');
  const settings = ['--set', `feed.url=${exchange.url}`, '--set', 'bars.timeframes=1m 3m 5m 15m 30m 1h 1D'];
  const market = await Artham.start(folder, ...settings);
  const { instruments } = (await market.get('/v1/instruments?limit=5000')).json;
  const share = instruments.find((i) => i.exchange === 'NSE' && i.segment === 'NSE');
  const future = instruments.find((i) => i.type === 'FUT');
  const closed = await until('two days', () => market.bars(share.key, '1D', '&from=0'), (bars) => bars.length >= 2);
  await market.stop();
  await exchange.stop();

  // Nothing changes any more, once what was left to do is done.
  const node = await Artham.start(folder, ...settings);
  let before;
  await until('everything is stored', async () => {
    const { metrics } = (await node.get('/v1/status')).json;
    const lags = Object.entries(metrics).filter(([name]) => /^artham_(reader|store)_lag/.test(name));
    const days = (await node.bars(share.key, '1D', '&from=0')).length;
    const same = days === before;
    before = days;
    return same && lags.length > 0 && lags.every(([, lag]) => lag === 0);
  }, (done) => done);
  const open = closed[1].start;
  await withNode(t, node, [
    ['Kite: instruments', () => kite.instruments(node)],
    ['Kite: candles are our bars', () => kite.candles(node, [share, future], open)],
    ['Kite: days', () => kite.days(node, share.key, share.token)],
    ['Kite: sessions', () => kite.sessions(node)],
    ['Kite: errors', () => kite.errors(node, share.token)],
    ['UDF: symbols', () => udf.symbols(node)],
    ['UDF: history', () => udf.history(node, share.key, open)],
    ['UDF: days', () => udf.days(node, share.key)],
    ['entity tags', () => openapi.etags(node, share.key)],
  ]);
});

test('a market with option chains', async (t) => {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const settings = ['--set', 'exchange.instruments=8', '--speed', '60'];
  const node = await Artham.start(folder, ...settings);
  const isShare = (i) => i.exchange === 'NSE' && i.segment === 'NSE';
  try {
    const { instruments } = (await node.get('/v1/instruments?limit=5000')).json;
    const share = instruments.find(isShare);
    const bars = await until('bars', () => node.bars(share.key, '1m', '&from=0'), (b) => b.length > 0);
    const chains = await until('chains', async () => (await node.get('/v1/chain')).json.chains, (c) => c.length > 0);
    const { underlying } = chains[0];
    const { chain } = await until('values', async () => (await node.get(`/v1/chain/${underlying}`)).json,
      (c) => c.chain?.options.some((o) => o.iv));
    const valued = chain.options.find((o) => o.iv);
    await t.test('OpenAPI: the document', () => openapi.valid(node));
    await t.test('OpenAPI: answers', () => openapi.answers(node, {
      key: share.key,
      token: share.token,
      option: instruments.find((i) => i.token === valued.token).key,
      underlying,
      start: bars[0].start,
    }));
  } finally {
    await node.stop();
  }

  const again = await Artham.start(folder, ...settings);
  try {
    const share = (await again.get('/v1/instruments?limit=5000')).json.instruments.find(isShare);
    const hasGap = (b) => b.flags.includes('gap');
    const bars = await until('a bar with the gap', () => again.bars(share.key, '1m', '&from=0'), (b) => b.some(hasGap));
    await t.test('UDF: marks', () => udf.marks(again, share.key, bars.find(hasGap).end / 1e6 - 1));
  } finally {
    await again.stop();
  }
});
