// The program with its synthetic market, and a real browser in front of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [, , program, ui] = process.argv;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function poll(what, check, limit = 60_000) {
  const deadline = Date.now() + limit;
  for (let last; ;) {
    try {
      if (await check()) return;
    } catch (e) {
      if (e instanceof assert.AssertionError) throw e;
      last = e;
    }
    if (Date.now() > deadline) throw new Error(`never came: ${what}${last ? ` (${last.message})` : ''}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/// `artham run` with data of its own, which a second start goes on with.
export class Program {
  constructor(settings = []) {
    this.data = mkdtempSync(join(tmpdir(), 'artham-ui-'));
    this.settings = settings;
    this.port = 0;
  }
  async start() {
    const settings = [`web.port=${this.port}`, `web.ui=${ui}`, ...this.settings].flatMap((s) => ['--set', s]);
    this.child = spawn(program, ['run', '--data', join(this.data, 'data'), ...settings], { stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    this.child.stderr.on('data', (text) => { log = (log + text).slice(-20_000); });
    const [line] = await Promise.race([once(this.child.stdout, 'data'), once(this.child, 'exit').then(() => [''])]);
    this.url = /http:\S+/.exec(String(line))?.[0];
    if (!this.url) throw new Error(`the program did not start: ${line}${log}`);
    this.port = Number(new URL(this.url).port);
    await poll('instruments', async () => {
      const response = await fetch(`${this.url}/v1/instruments?limit=1`);
      return response.status === 401 || (await response.json()).instruments.length > 0;
    });
  }
  async get(path) {
    const response = await fetch(this.url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  async kill() {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
  async close() {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
    }
    rmSync(this.data, { recursive: true, force: true });
  }
}

/// A page, and what went wrong on it: nothing is expected to but lost connections.
export async function open(browser, { width = 1440, height = 900, theme = 'dark', storage = {} } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' });
  await context.addInitScript((items) => {
    for (const [name, value] of Object.entries(items)) if (localStorage.getItem(name) === null) localStorage.setItem(name, value);
  }, storage);
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (e) => problems.push(e.message));
  page.on('console', (m) => {
    if (m.type() === 'error' && !/WebSocket|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|503 \(/.test(m.text())) problems.push(m.text());
  });
  // Not page.waitForFunction: it needs eval, which the page's policy forbids.
  const until = (what, check, argument) => poll(what, () => page.evaluate(check, argument));
  const text = (selector) => page.locator(selector).first().textContent();
  return { page, problems, until, text, close: () => context.close() };
}

/// What axe finds serious or critical.
export async function keepsOut(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${what}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.any[0]?.message ?? n.all[0]?.message ?? ''})`).join('; ')}`);
}

/// How wide a page is, if that is wider than its window.
export async function hangsOut(page, what) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  return wide > room ? [`${what} is ${wide} pixels wide, of ${room}`] : [];
}

/// How many pixels of the chart's canvases have a colour.
export function pixels(page, [r, g, b]) {
  return page.evaluate(([red, green, blue]) => {
    let n = 0;
    for (const c of document.querySelectorAll('[data-testid=chart] canvas')) {
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      for (let i = 0; i < d.length; i += 4) if (d[i] === red && d[i + 1] === green && d[i + 2] === blue) n += 1;
    }
    return n;
  }, [r, g, b]);
}

export function launch() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-component-update',
      '--disable-background-networking', '--disable-sync'],
  });
}

/// Runs a test with a program and a browser, and ends both.
export async function test(name, settings, run) {
  const artham = new Program(settings);
  let browser;
  let failed = false;
  try {
    await artham.start();
    browser = await launch();
    await run(artham, browser);
    console.log(`${name}: ok`);
  } catch (e) {
    failed = true;
    console.error(e);
  } finally {
    await browser?.close();
    await artham.close();
  }
  process.exit(failed ? 1 : 0);
}
