// What a person sees of a living option chain: the program itself, in a real browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, open, poll } from './browser.mjs';

const data = mkdtempSync(join(tmpdir(), 'artham-chain-'));
const child = spawn(process.argv[2], ['run', '--data', join(data, 'data'), '--speed', '10',
  '--set', 'web.port=0', '--set', 'web.ui=', '--set', 'exchange.instruments=8'], { stdio: ['ignore', 'pipe', 'ignore'] });
const [line] = await once(child.stdout, 'data');
const url = /http:\S+/.exec(String(line))[0];
const browser = await launch();
let failed = false;
try {
  const { page, problems, until } = await open(browser);
  await page.goto(url);
  await page.getByRole('link', { name: 'Option chains' }).click();
  await until('connection', () => document.getElementById('connection')?.textContent === 'Connected');
  await until('live', () => document.getElementById('data-state').textContent === 'Live');
  await until('the whole chain, valued', () => document.querySelectorAll('#rows tr').length > 15
    && /^\d+\.\d\d$/.test(document.querySelector('#rows tr.atm td.iv')?.textContent ?? ''));
  assert.equal(await page.locator('#underlying').inputValue(), 'NIFTY');
  assert.match(await page.locator('#summary').textContent(), /Forward2\d{4}\.\d\dparity/);

  // The middle of the chain: about 12 % volatility, deltas of half a call and half a put.
  const atm = page.locator('#rows tr.atm');
  const iv = Number(await atm.locator('td.iv').first().textContent());
  assert.ok(iv > 5 && iv < 40, `IV ${iv}`);
  const deltas = (await atm.locator('td.delta').allTextContents()).map(Number);
  assert.ok(Math.abs(deltas[0] - deltas[1] - 1) < 0.02, `deltas ${deltas}`);
  const strikes = (await page.locator('#rows th.strike').allTextContents()).map(Number);
  assert.deepEqual(strikes, [...strikes].sort((a, b) => a - b));

  const forward = () => document.querySelector('#summary dd').textContent;
  const before = await page.evaluate(forward);
  await poll('a move of the forward', async () => await page.evaluate(forward) !== before);

  const expiries = await page.locator('#expiry option').allTextContents();
  assert.ok(expiries.length >= 2);
  await page.locator('#expiry').selectOption(expiries.at(-1));
  await until('another expiry', () => location.hash.endsWith(document.querySelector('#expiry option:last-child').value)
    && document.querySelectorAll('#rows tr').length > 5);
  const other = (await page.locator('#underlying option').allTextContents()).find((u) => u !== 'NIFTY');
  await page.locator('#underlying').selectOption(other);
  await until('another underlying', () => !location.hash.startsWith('#NIFTY') && document.querySelectorAll('#rows tr').length > 2);
  await page.goto(`${url}/chain.html#NIFTY/${expiries[0]}`);
  await page.reload();
  await until('what the address names', () => document.title.startsWith('NIFTY') && document.querySelectorAll('#rows tr').length > 15);
  if (process.env.ARTHAM_SCREENSHOT) await page.screenshot({ path: process.env.ARTHAM_SCREENSHOT });
  assert.deepEqual(problems, []);
  console.log('chain page: ok');
} catch (e) {
  failed = true;
  console.error(e);
} finally {
  await browser.close();
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(data, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
