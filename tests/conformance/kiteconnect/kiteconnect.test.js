'use strict';
// The official client against artham's exchange: it must get exactly the ticks that are played.
// ARTHAM_PLAYER is the exchange's program, ARTHAM_SOURCE_DIR the source tree.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const test = require('node:test');
const { expectedFrames, framesOfCsv, framesOfHex, tickOf, tokenOf } = require('./recording.js');
const { connect, withTimeout } = require('./tickers.js');

const source = process.env.ARTHAM_SOURCE_DIR;
const own = (name) => path.join(source, 'tests/data/synthetic', name);

/** An exchange that plays `recording` as soon as subscriptions are quiet. */
async function startExchange(t, recording, speed) {
  const player = spawn(process.env.ARTHAM_PLAYER, [recording, speed], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => player.stdin.end());
  const lines = readline.createInterface({ input: player.stdout })[Symbol.asyncIterator]();
  const port = (await withTimeout(lines.next(), 'the exchange\'s start')).value;
  assert.match(port, /^\d+$/);
  const finished = lines.next().then((line) => assert.strictEqual(line.value, 'finished'));
  return { root: `ws://127.0.0.1:${port}/`, finished, stop: () => player.stdin.end() };
}

/** Everything that was played has arrived: the connection's end came behind it. */
async function allArrived(exchange, client) {
  await withTimeout(exchange.finished, 'the end of the recording');
  const ended = client.next('disconnect');
  exchange.stop();
  await ended;
}

const recordings = [own('market_8.hex')];
const real = path.join(source, '../shared/data/kite/recorded/nifty25decfut_ticks_0717_0719utc.hex');
if (fs.existsSync(real)) {
  recordings.push(real);
} else {
  console.log(`${real} is not there: only our own recordings are played`);
}

for (const recording of recordings) {
  const frames = framesOfHex(recording);
  const tokens = [...new Set(frames.flat().map(tokenOf))].sort((a, b) => a - b);
  for (const mode of ['ltp', 'quote', 'full']) {
    test(`${path.basename(recording)}: every tick in ${mode} mode`, async (t) => {
      const exchange = await startExchange(t, recording, 'max');
      const client = await connect(t, exchange.root);
      client.call('subscribe', tokens);
      client.call('setMode', mode, tokens);
      await allArrived(exchange, client);
      assert.deepStrictEqual(
        client.frames,
        expectedFrames(frames, new Map(tokens.map((token) => [token, mode]))),
      );
    });
  }
}

test('three groups of instruments in three modes, changed before the start', async (t) => {
  const frames = framesOfHex(own('market_8.hex'));
  const tokens = [...new Set(frames.flat().map(tokenOf))].sort((a, b) => a - b);
  const exchange = await startExchange(t, own('market_8.hex'), 'max');
  const client = await connect(t, exchange.root);
  const [ltp, quote, full, gone] = [tokens.slice(0, 3), tokens.slice(3, 5), tokens.slice(5, 7), tokens[7]];
  client.call('subscribe', tokens);
  client.call('setMode', 'full', tokens);
  client.call('setMode', 'ltp', ltp);
  client.call('setMode', 'ltp', quote);
  client.call('setMode', 'quote', quote);
  client.call('unsubscribe', [gone]);
  await allArrived(exchange, client);
  const modes = new Map([
    ...ltp.map((token) => [token, 'ltp']),
    ...quote.map((token) => [token, 'quote']),
    ...full.map((token) => [token, 'full']),
  ]);
  assert.deepStrictEqual(client.frames, expectedFrames(frames, modes));
});

test('a fresh subscription is in quote mode', async (t) => {
  const frames = framesOfHex(own('market_8.hex'));
  const tokens = [...new Set(frames.flat().map(tokenOf))];
  const exchange = await startExchange(t, own('market_8.hex'), 'max');
  const client = await connect(t, exchange.root);
  client.call('subscribe', tokens);
  await allArrived(exchange, client);
  const modes = new Map(tokens.map((token) => [token, 'quote']));
  assert.deepStrictEqual(client.frames, expectedFrames(frames, modes));
});

test('a mode changed while ticks flow starts with a snapshot and misses nothing', async (t) => {
  const packets = framesOfHex(own('market_8.hex')).flat();
  const busiest = packets.map(tokenOf).find((token) => (token & 0xff) === 2);
  const mine = packets.filter((packet) => tokenOf(packet) === busiest);
  const exchange = await startExchange(t, own('market_8.hex'), '10');
  const client = await connect(t, exchange.root);
  let seen = 0;
  client.onTicks = () => {
    if (++seen === 3) {
      client.call('setMode', 'full', [busiest]);
    }
  };
  client.call('subscribe', [busiest]);
  client.call('setMode', 'ltp', [busiest]);
  await allArrived(exchange, client);

  const ticks = client.frames.flat();
  const changed = ticks.findIndex((tick) => tick.mode === 'full');
  assert.ok(changed >= 3, 'the mode changes after the third tick');
  const full = mine.map((packet) => tickOf(packet));
  const snapshot = full.length - (ticks.length - changed);
  assert.deepStrictEqual(ticks.slice(changed), full.slice(snapshot));
  const asLtp = expectedFrames(mine.slice(0, snapshot + 1).map((p) => [p]), new Map([[busiest, 'ltp']]));
  assert.deepStrictEqual(ticks.slice(0, changed), asLtp.flat());
});

test('a tick CSV arrives as its rows say', async (t) => {
  const frames = framesOfCsv(own('market_8.csv'));
  const tokens = [...new Set(frames.flat().map((tick) => tick.instrument_token))];
  const exchange = await startExchange(t, own('market_8.csv'), 'max');
  const client = await connect(t, exchange.root);
  client.call('subscribe', tokens);
  client.call('setMode', 'full', tokens);
  await allArrived(exchange, client);
  assert.deepStrictEqual(client.frames, frames);
});
