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

class Artham {
  static scratch() {
    return fs.mkdtempSync(path.join(os.tmpdir(), 'artham-rest-'));
  }

  static async start(folder, ...more) {
    const node = new Artham();
    node.child = spawn(
      process.env.ARTHAM_PROGRAM,
      ['run', '--data', path.join(folder, 'data'), '--set', 'web.port=0', ...more],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    node.errors = '';
    node.child.stderr.on('data', (text) => (node.errors += text));
    const lines = readline.createInterface({ input: node.child.stdout })[Symbol.asyncIterator]();
    const line = await lines.next();
    if (line.done) throw new Error(node.errors);
    node.url = /http:\S+/.exec(line.value)[0];
    return node;
  }

  async stop() {
    this.child.kill('SIGTERM');
    if (this.child.exitCode === null) await once(this.child, 'exit');
    if (this.child.exitCode !== 0) throw new Error(`exit code ${this.child.exitCode}: ${this.errors}`);
  }

  async get(target, headers = {}) {
    const answer = await fetch(this.url + target, { headers });
    const text = await answer.text();
    const type = answer.headers.get('content-type') ?? '';
    const json = /json$/.test(type.split(';')[0]) && text !== '' ? JSON.parse(text) : undefined;
    return { status: answer.status, type, text, json, headers: answer.headers };
  }

  async bars(instrument, timeframe, more = '') {
    const answer = await this.get(
      `/v1/bars?instrument=${encodeURIComponent(instrument)}&timeframe=${timeframe}&limit=10000${more}`,
    );
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json.bars;
  }

  /** A recording was played, and everything that follows from it is stored. */
  settled() {
    return until(
      'the end of the recording',
      async () => (await this.get('/v1/status')).json,
      (s) => {
        const made = s.metrics['artham_bars_final_total.1D'];
        return s.exchange?.finished && made > 0 && made === s.metrics.artham_bar_builders &&
          made === s.metrics['artham_store_rows_total.md:bars:final.1D'];
      },
    );
  }
}

module.exports = { Artham, until };
