// Can it be trusted: the tree, the lags, the gaps, as REST has them.
import assert from 'node:assert/strict';
import { open, poll, test } from './harness.mjs';

const plain = (text) => text.replaceAll(',', '');

await test('ui system', ['exchange.instruments=30'], async (artham, browser) => {
  const { page, problems, until, text } = await open(browser);
  await page.goto(`${artham.url}/system`);
  await until('the tiles', () => /Connected/.test(document.querySelector('[data-testid=tiles]')?.textContent ?? ''));
  await until('the tree', () => document.querySelectorAll('[data-path]').length > 4);
  const fact = (name) => text(`[data-fact="${name}"]`);
  await poll('REST’s count of ticks', async () => {
    const shown = Number(plain(await fact('Ticks received')));
    const { ticks_received: now } = await artham.get('/v1/status');
    return shown > 0 && shown <= now && now - shown < 2_000;
  });
  await until('a rate', () => Number(document.querySelector('[data-fact=Ticks]').textContent.replaceAll(',', '')) > 5);
  await until('lags', () => document.querySelectorAll('table[aria-label=Lags] tbody tr').length > 5);
  const status = await artham.get('/v1/status');
  const lags = Object.keys(status.metrics).filter((m) => /^artham_(reader|store)_lag\./.test(m)).length;
  assert.equal(await page.locator('table[aria-label=Lags] tbody tr').count(), lags);
  assert.equal(await page.locator('table[aria-label="Feed connections"] tbody tr').count(), status.feed.connections.length);

  await until('latencies', () => document.querySelectorAll('[data-testid=latency] li').length > 5);

  // Supervisors of many are opened by a click, and by the keyboard.
  const tree = await artham.get('/v1/system/tree');
  const paths = await page.evaluate(() => document.querySelector('[data-path]').dataset.path);
  assert.equal(paths, `/${tree.id}`);
  const closed = page.locator('[data-path] button[aria-expanded=false]').first();
  const was = await page.locator('[data-path]').count();
  await closed.focus();
  await page.keyboard.press('Enter');
  await poll('its actors', async () => await page.locator('[data-path]').count() > was);

  // A restart is a gap, and is listed with its cause.
  await artham.kill();
  await page.getByTestId('connection-bar').waitFor();
  await artham.start();
  await until('the gap', () => /artham was not running/.test(document.querySelector('table[aria-label=Gaps]')?.textContent ?? ''));
  const { gaps } = await artham.get('/v1/gaps');
  await poll('as many gaps as REST has', async () => await page.locator('table[aria-label=Gaps] tbody tr').count() === gaps.length);
  assert.deepEqual(problems, []);
});
