// Every page in both themes, on a phone and on a wall: nothing hangs out, nobody is kept out, little is sent.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { hangsOut, keepsOut, open, test } from './harness.mjs';

const budget = 400 * 1024;
const pages = [
  { name: 'market', path: '/', isReady: () => document.querySelectorAll('tr[data-key] [data-state=live]').length > 5 && document.querySelector('[data-testid=legend]') !== null },
  { name: 'chain', path: '/chain', isReady: () => document.querySelectorAll('tr[data-strike]').length > 10 },
  { name: 'system', path: '/system', isReady: () => document.querySelectorAll('[data-path]').length > 4 && document.querySelectorAll('table[aria-label=Lags] tbody tr').length > 3 },
];

await test('ui looks', ['exchange.instruments=20', 'exchange.speed=10'], async (artham, browser) => {
  const found = [];
  for (const theme of ['dark', 'light']) {
    for (const { width, height } of [{ width: 1440, height: 900 }, { width: 360, height: 740 }, { width: 3840, height: 2160 }]) {
      const { page, problems, until, close } = await open(browser, { width, height, theme });
      for (const { name, path, isReady } of pages) {
        const what = `${name}, ${theme}, ${width} px`;
        await page.goto(artham.url + path);
        await until(what, isReady);
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        found.push(...await hangsOut(page, what));
        if (width !== 3840) found.push(...await keepsOut(page, what));
      }
      assert.deepEqual(problems, []);
      await close();
    }
  }

  assert.deepEqual(found, []);

  // The palette, too.
  const { page, until, close } = await open(browser);
  await page.goto(artham.url);
  await until('the market', pages[0].isReady);
  await page.keyboard.press('Control+k');
  await until('the palette', () => document.querySelectorAll('[role=option]').length > 5);
  assert.deepEqual(await keepsOut(page, 'palette'), []);
  await close();

  // What the first view needs, as it is sent.
  const first = await open(browser);
  const scripts = [];
  first.page.on('response', (r) => { if (r.url().endsWith('.js')) scripts.push(r); });
  const began = Date.now();
  await first.page.goto(artham.url);
  await first.until('the first view', pages[0].isReady);
  console.log(`living prices and a chart after ${Date.now() - began} ms`);
  let bytes = 0;
  for (const r of scripts) {
    assert.equal(r.headers()['content-encoding'], 'gzip', r.url());
    assert.match(r.headers()['cache-control'], /immutable/);
    bytes += gzipSync(await r.body(), { level: 9 }).length;
  }
  console.log(`script of the first view: ${(bytes / 1024).toFixed(1)} KiB packed, in ${scripts.length} files`);
  assert.ok(bytes > 50 * 1024 && bytes < budget, `${bytes} bytes`);
  // What it costs to be looked at.
  const devtools = await first.page.context().newCDPSession(first.page);
  await devtools.send('Performance.enable');
  const busy = async () => (await devtools.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
  for (const { name, path, isReady } of pages) {
    await first.page.goto(artham.url + path);
    await first.until(name, isReady);
    await first.page.waitForTimeout(1_000);
    const before = await busy();
    await first.page.waitForTimeout(4_000);
    console.log(`${name}: ${((await busy() - before) / 4 * 1000).toFixed(0)} ms of the main thread a second`);
  }
  await first.close();
});
