'use strict';
// The official client, unmodified, against a replay: it must get what the exchange sent, as often as it is played.
// ARTHAM_PROGRAM is the program, ARTHAM_SOURCE_DIR the source tree.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Artham, Exchange, until } = require('./artham.js');
const { Raw } = require('./market.js');
const { framesOfHex, packetsInModes, tickOf, tokenOf } = require('./recording.js');
const { connect, start } = require('./tickers.js');

const recording = path.join(process.env.ARTHAM_SOURCE_DIR, 'tests/data/synthetic/market_8.hex');
const frames = framesOfHex(recording);
const tokens = [...new Set(frames.flat().map(tokenOf))].sort((a, b) => a - b);
const hexOf = (packets) => packets.map((p) => p.toString('hex'));

/** A program that has journaled the whole recording. */
async function played(t) {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const exchange = await Exchange.start('--recording', recording);
  t.after(() => exchange.stop());
  const node = await Artham.start(folder, '--set', `feed.url=${exchange.url}`, '--set', 'bars.timeframes=1m');
  await node.received(frames.flat().length);
  return node;
}

async function ask(node, method, target, body) {
  const answer = await fetch(node.url + target, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, json: await answer.json() };
}

/** A replay of everything, which waits. */
async function replayOf(node) {
  const none = await ask(node, 'POST', '/v1/replays', { from: 1, to: 2 });
  const from = Date.parse(/records from (\S+) to/.exec(none.json.detail)[1]) * 1000;
  const made = await ask(node, 'POST', '/v1/replays', { from, to: from + 86_400e6, speed: 'max', paused: true });
  assert.strictEqual(made.status, 201, JSON.stringify(made.json));
  const { id } = made.json;
  return {
    from,
    root: `${node.url.replace('http', 'ws')}/kite/replay/${id}`,
    target: `/v1/replays/${id}`,
    tell: async (order) => {
      const answer = await ask(node, 'POST', `/v1/replays/${id}`, order);
      assert.strictEqual(answer.status, 200, JSON.stringify(answer.json));
    },
    state: (wanted) =>
      until(`that it is ${wanted}`, async () => (await node.get(`/v1/replays/${id}`)).json.clock.state, (s) => s === wanted),
  };
}

test('KiteTicker by the root of a replay: every tick, byte for byte, each time that it is played', async (t) => {
  const node = await played(t);
  try {
    const replay = await replayOf(node);
    const [quote, full] = [tokens.slice(0, 3), tokens.slice(3)];
    const client = await connect(t, replay.root);
    client.call('subscribe', tokens);
    client.call('setMode', 'quote', quote);
    client.call('setMode', 'full', full);
    client.call('subscribe', tokens);
    const raw = await Raw.open(t, `${replay.root}/?access_token=b&api_key=a`);
    raw.say('mode', ['full', tokens]);
    raw.say('subscribe', [...tokens, 12345]);
    await until('the commands', () => node.metric('artham_ticker_commands_total'), (n) => n === 6);
    const modes = new Map(tokens.map((token) => [token, quote.includes(token) ? 'quote' : 'full']));
    const wanted = packetsInModes(frames, modes).flat();
    const all = hexOf(frames.flat());
    for (let time = 1; time <= 2; ++time) {
      await replay.tell({ op: 'resume' });
      await raw.until(() => raw.packets.length >= time * all.length, `all packets, time ${time}`);
      assert.deepStrictEqual(hexOf(raw.packets).slice((time - 1) * all.length), all);
      const ticks = await client.ticks(time * wanted.length);
      assert.deepStrictEqual(ticks.slice((time - 1) * wanted.length), wanted.map(tickOf));
      await replay.state('ended');
      await replay.tell({ op: 'seek', to: replay.from });
      await replay.state('paused');
    }
    assert.strictEqual(raw.texts.length, 1);
    assert.match(raw.texts[0].data, /^unknown instrument token 12345:/);
    await raw.until(() => raw.beats >= 2, 'heartbeats while nothing is played');
    const { json } = await node.get(replay.target);
    assert.strictEqual(json.subscribers, 2);

    const gone = client.next('disconnect');
    assert.strictEqual((await ask(node, 'DELETE', replay.target)).status, 200);
    await gone;
    assert.strictEqual(await raw.closed, 1001);
    const late = start(t, replay.root);
    assert.match(await late.next('error'), /404/);
    const nobody = new Raw(t, replay.root);
    assert.strictEqual(await nobody.status, 404);
    assert.strictEqual(nobody.refusal.error_type, 'InputException');
    assert.strictEqual(await node.metric('artham_ticker_conflated_total'), 0);
  } finally {
    await node.stop();
  }
});
