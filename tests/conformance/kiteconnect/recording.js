'use strict';
// Reads recordings into the ticks that a client must get: written from the description of Kite's packets,
// sharing nothing with artham's codec or with the client under test.

const fs = require('node:fs');

/** Frames of a .hex recording, each a list of packets (Buffers). */
function framesOfHex(file) {
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const frame = Buffer.from(line, 'hex');
    const packets = [];
    let at = 2;
    for (let n = frame.readUInt16BE(0); n > 0; --n) {
      const length = frame.readUInt16BE(at);
      packets.push(frame.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    return packets;
  });
}

const tokenOf = (packet) => packet.readUInt32BE(0);

/** What of a full packet a mode shows. */
function inMode(packet, mode) {
  const index = packet.length === 32;
  return packet.subarray(0, { ltp: 8, quote: index ? 28 : 44, full: index ? 32 : 184 }[mode]);
}

function changeOf(last, close) {
  return close === 0 ? 0 : ((last - close) * 100) / close;
}

const isoTime = (seconds) => (seconds === 0 ? null : new Date(seconds * 1000).toISOString());

/** A packet as KiteTicker publishes it, dates as ISO text (all segments here have two decimals). */
function tickOf(packet) {
  const int = (at) => packet.readUInt32BE(at);
  const price = (at) => int(at) / 100;
  const token = tokenOf(packet);
  const tick = { tradable: (token & 0xff) !== 9, instrument_token: token, last_price: price(4) };
  if (packet.length === 8) {
    return { ...tick, mode: 'ltp' };
  }
  if (packet.length <= 32) {
    tick.mode = packet.length === 32 ? 'full' : 'quote';
    tick.ohlc = { high: price(8), low: price(12), open: price(16), close: price(20) };
    tick.change = changeOf(tick.last_price, tick.ohlc.close);
    if (packet.length === 32) {
      tick.exchange_timestamp = isoTime(int(28));
    }
    return tick;
  }
  tick.mode = packet.length === 184 ? 'full' : 'quote';
  tick.last_traded_quantity = int(8);
  tick.average_traded_price = price(12);
  tick.volume_traded = int(16);
  tick.total_buy_quantity = int(20);
  tick.total_sell_quantity = int(24);
  tick.ohlc = { open: price(28), high: price(32), low: price(36), close: price(40) };
  tick.change = changeOf(tick.last_price, tick.ohlc.close);
  if (packet.length === 184) {
    tick.last_trade_time = isoTime(int(44));
    tick.oi = int(48);
    tick.oi_day_high = int(52);
    tick.oi_day_low = int(56);
    tick.exchange_timestamp = isoTime(int(60));
    const levels = (from) =>
      [0, 1, 2, 3, 4].map((n) => ({
        quantity: int(from + n * 12),
        price: price(from + n * 12 + 4),
        orders: packet.readUInt16BE(from + n * 12 + 8),
      }));
    tick.depth = { buy: levels(64), sell: levels(124) };
  }
  return tick;
}

/** Rows of a tick CSV as full ticks, grouped like the exchange does: neighbours of one second share a frame. */
function framesOfCsv(file) {
  const [header, ...rows] = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(','));
  const frames = [];
  let second = null;
  for (const cells of rows) {
    const row = Object.fromEntries(header.map((name, n) => [name, cells[n]]));
    const number = (name) => Number(row[name]);
    const time = (name) => new Date(row[name]).toISOString();
    const token = number('instrument_token');
    const index = (token & 0xff) === 9;
    const ohlc = Object.fromEntries(['open', 'high', 'low', 'close'].map((n) => [n, number(n)]));
    const tick = {
      tradable: !index,
      mode: 'full',
      instrument_token: token,
      last_price: number('last_price'),
      ohlc,
      change: changeOf(number('last_price'), ohlc.close),
      exchange_timestamp: time('exchange_timestamp'),
    };
    if (!index) {
      for (const name of [
        'last_traded_quantity', 'average_traded_price', 'volume_traded', 'total_buy_quantity',
        'total_sell_quantity', 'oi', 'oi_day_high', 'oi_day_low',
      ]) {
        tick[name] = number(name);
      }
      tick.last_trade_time = time('last_trade_time');
      const levels = (side) =>
        [0, 1, 2, 3, 4].map((n) => ({
          quantity: number(`depth_${side}_${n}_quantity`),
          price: number(`depth_${side}_${n}_price`),
          orders: number(`depth_${side}_${n}_orders`),
        }));
      tick.depth = { buy: levels('buy'), sell: levels('sell') };
    }
    if (row.exchange_timestamp !== second) {
      frames.push([]);
      second = row.exchange_timestamp;
    }
    frames[frames.length - 1].push(tick);
  }
  return frames;
}

/** The packets of the frames that a client in these modes must get: only what is news, in their frames. */
function packetsInModes(frames, modes) {
  const before = new Map();
  const wanted = [];
  for (const packets of frames) {
    const shown = [];
    for (const packet of packets) {
      const mode = modes.get(tokenOf(packet));
      if (!mode) {
        continue;
      }
      const part = inMode(packet, mode);
      const known = before.get(tokenOf(packet));
      before.set(tokenOf(packet), part);
      if (mode === 'full' || !known || !known.equals(part)) {
        shown.push(part);
      }
    }
    if (shown.length > 0) {
      wanted.push(shown);
    }
  }
  return wanted;
}

/** The same as ticks. */
const expectedFrames = (frames, modes) => packetsInModes(frames, modes).map((packets) => packets.map(tickOf));

module.exports = { expectedFrames, framesOfCsv, framesOfHex, inMode, packetsInModes, tickOf, tokenOf };
