'use strict';
// The program as its users start it, with a market of its own, on a free port.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const patience = 240_000;

/** Asks until `done(answer)`; each question is a request, so that a busy machine sets the pace. */
async function until(what, ask, done) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`${what} did not happen: ${JSON.stringify(answer).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The first line of what a program prints. */
async function firstLine(child) {
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const line = await readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (line.done) throw new Error(errors);
  return line.value;
}

async function end(child) {
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`exit code ${child.exitCode}`);
}

const run = (args) => spawn(process.env.ARTHAM_PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });

class Exchange {
  /** One that begins when somebody has subscribed. */
  static start(...what) {
    return Exchange.run('--start', 'subscribe', '--speed', 'max', ...what);
  }

  static async run(...what) {
    const exchange = new Exchange();
    exchange.child = run(['exchange', '--port', '0', ...what]);
    exchange.url = `ws://127.0.0.1:${/:(\d+)/.exec(await firstLine(exchange.child))[1]}`;
    return exchange;
  }

  stop() {
    return end(this.child);
  }
}

class Artham {
  static scratch() {
    return fs.mkdtempSync(path.join(os.tmpdir(), 'artham-rest-'));
  }

  /** The key that `artham key add` prints. */
  static async addKey(folder, name) {
    const child = run(['key', 'add', name, '--set', `data.dir=${path.join(folder, 'data')}`]);
    return firstLine(child);
  }

  static async start(folder, ...more) {
    const node = new Artham();
    node.child = run(['run', '--data', path.join(folder, 'data'), '--set', 'web.port=0', ...more]);
    node.url = /http:\S+/.exec(await firstLine(node.child))[0];
    return node;
  }

  stop() {
    return end(this.child);
  }

  async get(target, headers = {}) {
    const answer = await fetch(this.url + target, { headers });
    const text = await answer.text();
    const type = answer.headers.get('content-type') ?? '';
    const json = /[/+]json$/.test(type.split(';')[0]) && text !== '' ? JSON.parse(text) : undefined;
    return { status: answer.status, type, text, json, headers: answer.headers };
  }

  async bars(instrument, timeframe, more = '') {
    const answer = await this.get(
      `/v1/bars?instrument=${encodeURIComponent(instrument)}&timeframe=${timeframe}&limit=10000${more}`,
    );
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json.bars;
  }

  async metric(name) {
    return (await this.get('/v1/status')).json.metrics[name] ?? 0;
  }

  /** So many ticks came in. */
  received(ticks) {
    return until('the last tick', async () => (await this.get('/v1/status')).json.ticks_received, (n) => n === ticks);
  }
}

module.exports = { Artham, Exchange, until };
