'use strict';
// The official client, unmodified, against the gateway's ticker: it must get exactly what the exchange sent.
// ARTHAM_PROGRAM is the program, ARTHAM_SOURCE_DIR the source tree.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Artham, Exchange, until } = require('./artham.js');
const { Gate, Raw, byToken } = require('./market.js');
const { framesOfHex, inMode, packetsInModes, tickOf, tokenOf } = require('./recording.js');
const { connect, start } = require('./tickers.js');

const recording = path.join(process.env.ARTHAM_SOURCE_DIR, 'tests/data/synthetic/market_8.hex');
const frames = framesOfHex(recording);
const tokens = [...new Set(frames.flat().map(tokenOf))].sort((a, b) => a - b);

const rootOf = (node) => `${node.url.replace('http', 'ws')}/kite/ws`;

function scratch(t) {
  const folder = Artham.scratch();
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A program that lets scripts in. */
async function started(t, folder, ...settings) {
  const node = await Artham.start(folder, ...settings);
  await until('that scripts are let in', async () => {
    const raw = new Raw(t, rootOf(node));
    const status = await raw.status;
    raw.socket.terminate();
    return status;
  }, (status) => status === 101);
  await until('that it is forgotten', () => node.metric('artham_ticker_sessions'), (n) => n === 0);
  return node;
}

/** A program whose exchange plays the recording once the gate is open. */
async function recorded(t) {
  const folder = scratch(t);
  const exchange = await Exchange.start('--recording', recording);
  t.after(() => exchange.stop());
  const gate = await Gate.start(t, exchange.url);
  const settings = ['--set', `feed.url=${gate.url}`, '--set', 'bars.timeframes=1m'];
  const node = await started(t, folder, ...settings);
  return { folder, exchange, gate, settings, node };
}

/** All commands of all clients were answered: the last one of each, which changes nothing, has been read. */
const handled = (node, commands) =>
  until('the commands', () => node.metric('artham_ticker_commands_total'), (n) => n === commands);

for (const mode of ['ltp', 'quote', 'full']) {
  test(`KiteTicker by another root: every tick in ${mode} mode, byte for byte`, async (t) => {
    const { node, gate } = await recorded(t);
    try {
      const client = await connect(t, rootOf(node));
      client.call('subscribe', tokens);
      client.call('setMode', mode, tokens);
      client.call('subscribe', tokens.slice(0, 1));
      const raw = await Raw.open(t, `${rootOf(node)}/?access_token=b&api_key=a`);
      raw.say('mode', [mode, tokens]);
      raw.say('subscribe', tokens);
      await handled(node, 5);
      gate.open();
      const wanted = packetsInModes(frames, new Map(tokens.map((token) => [token, mode]))).flat();
      await raw.until(() => raw.packets.length >= wanted.length, 'all packets');
      assert.deepStrictEqual(raw.packets.map((p) => p.toString('hex')), wanted.map((p) => p.toString('hex')));
      const ticks = await client.ticks(wanted.length);
      assert.deepStrictEqual(ticks, wanted.map(tickOf));
      assert.deepStrictEqual(raw.texts, []);
    } finally {
      await node.stop();
    }
  });
}

test('three groups of instruments in three modes, one given back; what is known is sent at once, after a restart too', async (t) => {
  const { folder, exchange, node, gate, settings } = await recorded(t);
  const [ltp, quote, full, gone] = [tokens.slice(0, 3), tokens.slice(3, 5), tokens.slice(5, 7), tokens[7]];
  const modes = new Map([
    ...ltp.map((token) => [token, 'ltp']),
    ...quote.map((token) => [token, 'quote']),
    ...full.map((token) => [token, 'full']),
  ]);
  const last = new Map(frames.flat().map((packet) => [tokenOf(packet), packet]));
  const newest = () => [...modes].map(([token, mode]) => inMode(last.get(token), mode).toString('hex')).sort();
  const ask = (raw) => {
    raw.say('mode', ['ltp', ltp]);
    raw.say('mode', ['quote', quote]);
    raw.say('mode', ['full', full]);
  };
  try {
    const client = await connect(t, rootOf(node));
    client.call('subscribe', tokens);
    client.call('setMode', 'full', tokens);
    client.call('setMode', 'ltp', ltp);
    client.call('setMode', 'ltp', quote);
    client.call('setMode', 'quote', quote);
    client.call('unsubscribe', [gone]);
    client.call('unsubscribe', [gone]);
    await handled(node, 7);
    gate.open();
    const wanted = packetsInModes(frames, modes).flat();
    assert.deepStrictEqual(await client.ticks(wanted.length), wanted.map(tickOf));

    const later = await Raw.open(t, rootOf(node));
    ask(later);
    await later.until(() => later.packets.length === modes.size && later.beats >= 2, 'packets, then heartbeats');
    assert.deepStrictEqual(later.packets.map((p) => p.toString('hex')).sort(), newest());
  } finally {
    await node.stop();
  }
  await exchange.stop();
  const again = await started(t, folder, ...settings);
  try {
    await until('that the newest are known', async () => (await again.get(`/kite/quote/ltp?i=${tokens[0]}`)).status,
      (status) => status === 200);
    const raw = await Raw.open(t, rootOf(again));
    ask(raw);
    await raw.until(() => raw.packets.length >= modes.size, 'the packets of before');
    assert.deepStrictEqual(raw.packets.map((p) => p.toString('hex')).sort(), newest());
  } finally {
    await again.stop();
  }
});

/** A market in which each of so many instruments ticks `speed` times a second; `direct` has all that the exchange sends. */
async function busy(t, instruments, speed, ...more) {
  const folder = scratch(t);
  const exchange = await Exchange.run('--synthetic', String(instruments), '--every-second', '--speed', String(speed),
    '--sockets-per-key', '0', '--date', '2026-11-20');
  t.after(() => exchange.stop());
  const settings = ['--set', `feed.url=${exchange.url}`, '--set', 'bars.timeframes=1m', ...more];
  const node = await started(t, folder, ...settings);
  const { instruments: list } = (await node.get('/v1/instruments?limit=5000')).json;
  const all = list.map((i) => i.token).sort((a, b) => a - b);
  assert.strictEqual(all.length, instruments);
  const direct = await Raw.open(t, `${exchange.url}/?api_key=direct&access_token=x`);
  direct.say('mode', ['full', all]);
  // Everything that artham sends from now on the exchange has sent to the other line, too.
  await direct.more(all, 5);
  return { folder, exchange, settings, node, direct, all };
}

/** Of each instrument `mine` is what the exchange sent, with nothing missing between. */
function withoutHole(mine, theirs, atLeast) {
  const sent = byToken(theirs);
  for (const [token, packets] of byToken(mine)) {
    const reference = sent.get(token);
    const from = reference.lastIndexOf(packets[0]);
    assert.ok(from >= 0, `${token}: the first packet was sent by the exchange`);
    assert.deepStrictEqual(packets, reference.slice(from, from + packets.length), `${token}`);
    assert.ok(packets.length >= atLeast, `${token}: ${packets.length} packets`);
  }
}

test('a hundred connections and two scripts get all, each what it wants', async (t) => {
  const { node, direct, all } = await busy(t, 10, 20);
  try {
    const [mine, others] = [all.slice(0, 4), all.slice(3, 7)];
    const one = await connect(t, rootOf(node));
    const two = await connect(t, rootOf(node));
    one.call('subscribe', mine);
    one.call('setMode', 'full', mine);
    two.call('subscribe', others);
    two.call('setMode', 'full', others);
    const many = await Promise.all(Array.from({ length: 100 }, () => Raw.open(t, rootOf(node))));
    assert.strictEqual(await node.metric('artham_ticker_sessions'), 102);
    for (const raw of many) raw.say('mode', ['full', all]);
    await Promise.all(many.map((raw) => raw.more(all, 60)));
    const enough = (list) => (ticks) =>
      list.every((token) => ticks.filter((k) => k.instrument_token === token && k.mode === 'full').length >= 60);
    const ticks = [await one.ticks(enough(mine)), await two.ticks(enough(others))];
    const got = many.map((raw) => raw.packets.slice());
    await direct.more(all, 10);
    for (const packets of got) withoutHole(packets, direct.packets, 60);
    assert.ok(many.every((raw) => raw.texts.length === 0));
    for (const [n, list] of [mine, others].entries()) {
      const full = ticks[n].filter((tick) => tick.mode === 'full');
      assert.deepStrictEqual([...new Set(ticks[n].map((tick) => tick.instrument_token))].sort((a, b) => a - b), list);
      for (const token of list) {
        const own = full.filter((tick) => tick.instrument_token === token);
        const sent = byToken(direct.packets).get(token).map((hex) => tickOf(Buffer.from(hex, 'hex')));
        const from = sent.findIndex((tick) => tick.exchange_timestamp === own[0].exchange_timestamp);
        assert.deepStrictEqual(own, sent.slice(from, from + own.length));
      }
    }
    assert.strictEqual(await node.metric('artham_ticker_conflated_total'), 0);
    // One audience for the hundred, whatever their number: what is made once serves all.
    assert.ok((await node.metric('artham_audiences')) <= 3);
    // What is given back is heard of no more, once what was said behind it has been done.
    const [kept, given] = [mine[0], mine.slice(1)];
    many[0].packets.length = 0;
    many[0].say('unsubscribe', all.slice(1));
    many[0].say('mode', ['ltp', [kept]]);
    await many[0].until(() => many[0].packets.some((p) => p.length === 8));
    const from = many[0].packets.findIndex((p) => p.length === 8);
    await many[0].until(() => many[0].packets.length > from + 40);
    assert.deepStrictEqual([...new Set(many[0].packets.slice(from).map(tokenOf))], [kept]);
    one.call('unsubscribe', given);
    const before = one.frames.length;
    await one.ticks((list) => list.slice(-40).every((tick) => tick.instrument_token === kept));
    assert.ok(one.frames.length > before);
  } finally {
    await node.stop();
  }
});

test('a script goes on by itself when the program was restarted', async (t) => {
  const port = await new Promise((resolve) => {
    const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
  const { folder, settings, node, direct, all } = await busy(t, 4, 60, '--set', `web.port=${port}`);
  const client = await connect(t, rootOf(node), 'token', 'reconnect');
  const subscribe = () => {
    client.call('subscribe', all);
    client.call('setMode', 'full', all);
  };
  subscribe();
  await client.ticks(200);
  const back = client.next('connect');
  await node.stop();
  const again = await Artham.start(folder, ...settings);
  try {
    await back;
    const had = client.frames.length;
    const newest = byToken(direct.packets);
    subscribe();
    await client.ticks(() => client.frames.slice(had).flat().length > 400);
    const came = client.frames.slice(had).flat();
    await direct.more(all, 10);
    const reference = byToken(direct.packets);
    for (const token of all) {
      const sent = reference.get(token).map((hex) => tickOf(Buffer.from(hex, 'hex')));
      const got = came.filter((tick) => tick.instrument_token === token && tick.mode === 'full').map((tick) => {
        const n = sent.findIndex(({ exchange_timestamp }) => exchange_timestamp === tick.exchange_timestamp);
        assert.deepStrictEqual(tick, sent[n]);
        return n;
      });
      assert.ok(got.length > 50, `${token}: ${got.length} ticks`);
      const live = got.filter((n) => n >= newest.get(token).length);
      assert.ok(live.length > 20);
      assert.deepStrictEqual(live, live.map((_, n) => live[0] + n), `${token}: nothing is missing`);
    }
  } finally {
    await again.stop();
  }
});

test('a client that does not read gets the newest of each later; nobody else is slowed', async (t) => {
  const { node, direct, all } = await busy(t, 60, 60, '--set', 'web.session_bytes=1MiB');
  try {
    const slow = await Raw.open(t, rootOf(node));
    const quick = await Raw.open(t, rootOf(node));
    for (const raw of [slow, quick]) raw.say('mode', ['full', all]);
    await slow.more(all, 1);
    slow.socket._socket.pause();
    await until('that something is left out', () => node.metric('artham_ticker_conflated_total'), (n) => n > 5000);
    slow.socket._socket.resume();
    await quick.more(all, 20);
    // It has caught up when it gets the same as the other one at the same time.
    await slow.until(() => slow.packets.at(-1).equals(quick.packets.at(-1)));
    await slow.more(all, 10);
    const [late, whole] = [slow, quick].map((raw) => raw.packets.slice());
    await direct.more(all, 10);
    // In order, though with holes; from some time on without.
    const sent = byToken(direct.packets);
    for (const [token, packets] of byToken(late)) {
      const order = packets.map((p) => sent.get(token).indexOf(p));
      assert.ok(order.every((n, i) => n >= 0 && (i === 0 || n > order[i - 1])), `${token}: in order`);
      assert.deepStrictEqual(order.slice(-5), order.slice(-5).map((_, i) => order.at(-5) + i), `${token}: all again`);
    }
    withoutHole(whole, direct.packets, 20);
    assert.strictEqual(await node.metric('artham_ticker_cut_off_total'), 0);
  } finally {
    await node.stop();
  }
});

test('hostile commands are told what is wrong with them', async (t) => {
  const { node } = await recorded(t);
  try {
    const raw = await Raw.open(t, rootOf(node));
    const hostile = ['', '{', 'null', '[]', '{"a":"subscribe"}', '{"a":"buy","v":[1]}', '{"a":"subscribe","v":["1"]}',
      '{"a":"subscribe","v":[-1]}', '{"a":"mode","v":["deep",[1]]}', '{"a":"mode","v":[[],[]]}', '['.repeat(60_000),
      `{"a":"subscribe","v":[${'9,'.repeat(30_000)}9]}`];
    for (const text of hostile) raw.socket.send(text);
    await raw.until(() => raw.texts.length === hostile.length, 'that each is answered');
    for (const { type, data, ...more } of raw.texts) {
      assert.deepStrictEqual([type, more], ['error', {}]);
      assert.ok(data.length > 10 && data.length < 1000, data);
    }
    assert.match(raw.texts[5].data, /"buy"/);
    assert.match(raw.texts.at(-1).data, /^unknown instrument token 9, 9.* more:/);
    raw.say('subscribe', [tokens[0], 12345]);
    await raw.until(() => raw.texts.length === hostile.length + 1);
    assert.match(raw.texts.at(-1).data, /^unknown instrument token 12345:/);
    await raw.until(() => raw.beats >= 1, 'that it goes on');
    raw.socket.send(Buffer.from('bytes'));
    assert.strictEqual(await raw.closed, 1003);
    const large = await Raw.open(t, rootOf(node));
    large.socket.send(' '.repeat(70_000));
    assert.strictEqual(await large.closed, 1009);
    assert.strictEqual((await node.get('/livez')).status, 200);
  } finally {
    await node.stop();
  }
});

test('where a key is needed, it is the access token; others are refused with 403', async (t) => {
  const { node, folder, gate } = await recorded(t);
  try {
    // As long as there is no key, anybody is let in.
    const early = await Raw.open(t, `${rootOf(node)}?api_key=any&access_token=thing`);
    const key = await Artham.addKey(folder, 'desk');
    await early.closed;
    const stranger = start(t, rootOf(node), 'guess');
    assert.match(await stranger.next('error'), /403/);
    const nobody = new Raw(t, rootOf(node));
    assert.strictEqual(await nobody.status, 403);
    assert.strictEqual(nobody.refusal.error_type, 'TokenException');
    const client = await connect(t, rootOf(node), key);
    client.call('subscribe', tokens);
    client.call('setMode', 'full', tokens);
    client.call('subscribe', tokens);
    await until('that it is subscribed', async () => {
      const answer = await node.get('/v1/status', { Authorization: `Bearer ${key}` });
      return answer.json.metrics.artham_ticker_commands_total;
    }, (n) => n === 3);
    gate.open();
    assert.deepStrictEqual(await client.ticks(frames.flat().length), frames.flat().map(tickOf));
  } finally {
    await node.stop();
  }
});
