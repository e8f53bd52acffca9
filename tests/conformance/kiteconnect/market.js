'use strict';
// What the tests of the gateway's ticker are made of: a gate in front of the exchange, WebSockets that show every byte.

const net = require('node:net');
const WebSocket = require('ws');
const { withTimeout } = require('./tickers.js');
const { tokenOf } = require('./recording.js');

/** A line to an exchange that lets no WebSocket through before open(): what is played begins behind it. */
class Gate {
  static async start(t, url) {
    const gate = new Gate();
    gate.waiting = [];
    gate.isOpen = false;
    const to = Number(new URL(url).port);
    gate.server = net.createServer((from) => {
      let head = Buffer.alloc(0);
      const go = () => {
        const line = net.connect(to, '127.0.0.1');
        line.write(head);
        from.pipe(line).pipe(from);
        line.on('error', () => from.destroy());
        from.on('close', () => line.destroy());
      };
      const listen = (bytes) => {
        head = Buffer.concat([head, bytes]);
        if (!head.includes('\r\n\r\n')) return;
        from.off('data', listen);
        from.pause();
        if (gate.isOpen || !/upgrade: *websocket/i.test(head)) go();
        else gate.waiting.push(() => !from.destroyed && go());
      };
      from.on('data', listen);
      from.on('error', () => from.destroy());
    });
    await new Promise((resolve) => gate.server.listen(0, '127.0.0.1', resolve));
    t.after(() => gate.server.close());
    gate.url = `ws://127.0.0.1:${gate.server.address().port}`;
    return gate;
  }

  open() {
    this.isOpen = true;
    for (const go of this.waiting.splice(0)) go();
  }
}

/** A WebSocket of a ticker that keeps all that comes: packets as bytes, texts, and how many heartbeats. */
class Raw {
  constructor(t, url) {
    this.packets = [];
    this.counts = new Map();
    this.texts = [];
    this.beats = 0;
    this.look = () => {};
    this.socket = new WebSocket(url);
    this.socket.on('message', (data) => {
      if (typeof data === 'string') this.texts.push(JSON.parse(data));
      else if (data.length === 1) ++this.beats;
      else this.take(packetsOf(data));
      this.look();
    });
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)));
    this.status = new Promise((resolve) => {
      this.socket.on('open', () => resolve(101));
      this.socket.on('unexpected-response', (_, answer) => {
        let body = '';
        answer.on('data', (text) => (body += text));
        answer.on('end', () => {
          this.refusal = JSON.parse(body);
          resolve(answer.statusCode);
        });
      });
    });
    this.socket.on('error', () => {});
    t.after(() => this.socket.terminate());
  }

  static async open(t, url) {
    const raw = new Raw(t, url);
    const status = await withTimeout(raw.status, 'the handshake');
    if (status !== 101) throw new Error(`status ${status}`);
    return raw;
  }

  take(packets) {
    this.packets.push(...packets);
    for (const packet of packets) this.counts.set(tokenOf(packet), this.count(tokenOf(packet)) + 1);
  }

  /** Packets of an instrument. */
  count(token) {
    return this.counts.get(token) ?? 0;
  }

  /** So many packets of each of these instruments have come, from now on. */
  more(tokens, n) {
    const wanted = tokens.map((token) => [token, this.count(token) + n]);
    return this.until(() => wanted.every(([token, count]) => this.count(token) >= count), `${n} packets of each`);
  }

  say(a, v) {
    this.socket.send(JSON.stringify({ a, v }));
  }

  until(done, what = 'what is waited for') {
    return withTimeout(
      new Promise((resolve) => {
        this.look = () => done(this) && resolve();
        this.look();
      }),
      what,
    );
  }
}

/** The packets of one binary message, which is whole. */
function packetsOf(frame) {
  const packets = [];
  let at = 2;
  for (let n = frame.readUInt16BE(0); n > 0; --n) {
    const length = frame.readUInt16BE(at);
    packets.push(frame.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (at !== frame.length || packets.some((p) => p.length < 8)) throw new Error(`no frame: ${frame.toString('hex')}`);
  return packets;
}

/** Hexadecimal packets by token, in order. */
function byToken(packets) {
  const all = new Map();
  for (const packet of packets) {
    if (!all.has(tokenOf(packet))) all.set(tokenOf(packet), []);
    all.get(tokenOf(packet)).push(packet.toString('hex'));
  }
  return all;
}

module.exports = { Gate, Raw, byToken };
