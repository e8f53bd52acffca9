'use strict';
// ARTHAM_PROGRAM is the program, ARTHAM_SOURCE_DIR the source tree; TZ is India's.

const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Artham, until } = require('./artham.js');
const kite = require('./kite.js');
const openapi = require('./openapi.js');
const udf = require('./udf.js');

const recording = path.join(process.env.ARTHAM_SOURCE_DIR, 'tests/data/synthetic/market_8.hex');

/** Nothing answers as an exchange: what there is to know lies in the data directory. */
const withoutExchange = ['--set', 'feed.url=ws://127.0.0.1:1'];

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
  const timeframes = ['--set', 'bars.timeframes=1m 3m 5m 15m 30m 1h 1D'];
  const node = await Artham.start(folder, ...timeframes, '--recording', recording, '--speed', 'max');
  await node.settled();
  const wanted = {};
  await withNode(t, node, [
    ['Kite: instruments', () => kite.instruments(node)],
    ['Kite: quotes are the last packets', () => kite.quotes(node, recording)],
    ['Kite: sessions', () => kite.sessions(node)],
    ['UDF: symbols', () => udf.symbols(node)],
    ['UDF: quotes', async () => {
      const all = (await node.get('/v1/instruments?limit=5000')).json.instruments;
      const asked = all.map((i) => `i=${encodeURIComponent(i.key)}`).join('&');
      Object.assign(wanted, (await node.get(`/kite/quote?${asked}`)).json.data);
      await udf.quotes(node, wanted);
    }],
  ]);

  // No exchange answers now: what there is to know is in the journal.
  const again = await Artham.start(folder, ...timeframes, ...withoutExchange);
  await withNode(t, again, [
    ['Kite: quotes are there after a start', () => kite.quotes(again, recording)],
  ]);
});

test('a market of several days', async (t) => {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const settings = ['--set', 'bars.timeframes=1m 3m 5m 15m 30m 1h 1D', '--set', 'exchange.chains=false'];
  const market = await Artham.start(folder, ...settings, '--set', 'exchange.instruments=8', '--speed', 'max');
  const { instruments } = (await market.get('/v1/instruments?limit=5000')).json;
  const share = instruments.find((i) => i.exchange === 'NSE' && i.segment === 'NSE');
  const future = instruments.find((i) => i.type === 'FUT');
  const closed = await until('two days', () => market.bars(share.key, '1D', '&from=0'), (bars) => bars.length >= 2);
  await market.stop();

  const node = await Artham.start(folder, ...settings, ...withoutExchange);
  const open = closed[1].start;
  await withNode(t, node, [
    ['Kite: candles are our bars', () => kite.candles(node, [share, future], open)],
    ['Kite: days', () => kite.days(node, share.key, share.token)],
    ['Kite: errors', () => kite.errors(node, share.token)],
    ['UDF: history', () => udf.history(node, share.key, open)],
    ['UDF: days', () => udf.days(node, share.key)],
    ['UDF: marks', () => udf.marks(node, share.key, 0, 4e9)],
    ['entity tags', () => openapi.etags(node, share.key)],
  ]);
});

test('a market with option chains', async (t) => {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const node = await Artham.start(folder, '--set', 'exchange.instruments=8', '--speed', '60');
  try {
    const { instruments } = (await node.get('/v1/instruments?limit=5000')).json;
    const share = instruments.find((i) => i.exchange === 'NSE' && i.segment === 'NSE');
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
});
