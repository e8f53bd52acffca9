// Pictures of every page in both themes, for docs/screenshots: run BUILD_FOLDER screenshots.mjs PROGRAM UI.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open, poll, test } from './harness.mjs';

const out = process.env.ARTHAM_SCREENSHOTS ?? 'screenshots';
mkdirSync(out, { recursive: true });

await test('screenshots', ['exchange.speed=60', 'exchange.instruments=40', 'bars.timeframes=1m,3m,5m,15m,25m,30m,1h,75m,125m,1D'], async (artham, browser) => {
  // Some hours of market, with a death in between, so that there is something to see.
  const minutes = async (n) => poll(`${n} minutes`, async () => (await artham.get('/v1/bars?instrument=NSE:NIFTY%2050&timeframe=1m&limit=400')).bars.length >= n, 300_000);
  await minutes(45);
  await artham.kill();
  await new Promise((resolve) => { setTimeout(resolve, 4_000); });
  await artham.start();
  await minutes(110);
  await artham.kill();
  artham.settings[0] = 'exchange.speed=3';
  await artham.start();
  const settle = (page) => page.waitForTimeout(2_500);
  for (const theme of ['dark', 'light']) {
    for (const [size, viewport] of [['', { width: 1440, height: 900 }], ['-phone', { width: 360, height: 740 }], ['-4k', { width: 3840, height: 2160 }]]) {
      const { page, until, close } = await open(browser, {
        ...viewport, theme, storage: { artham: JSON.stringify({ state: { theme: 'system', watchlist: null, instrument: null, timeframe: '1m', indicators: ['sma:20', 'vwap:2'], chainColumns: 'prices' }, version: 1 }) },
      });
      const shoot = async (name) => { await settle(page); await page.screenshot({ path: join(out, `${name}${size}-${theme}.png`) }); };
      const { instruments } = await artham.get('/v1/instruments?exchange=NSE&limit=4');
      await page.goto(`${artham.url}/?i=${encodeURIComponent(instruments[2].key)}&tf=1m`);
      await until('the market', () => document.querySelectorAll('tr[data-key] [data-state=live]').length > 5);
      await shoot('market');
      if (size === '') {
        await page.keyboard.press('Control+k');
        await page.keyboard.type('nifty');
        await shoot('palette');
        await page.keyboard.press('Escape');
      }
      await page.goto(`${artham.url}/chain`);
      await until('a chain', () => document.querySelectorAll('tr[data-strike]').length > 10);
      await shoot('chain');
      await page.goto(`${artham.url}/system`);
      await until('the system', () => document.querySelectorAll('[data-path]').length > 4);
      await page.waitForTimeout(size === '' ? 12_000 : 2_000);
      await shoot('system');
      await close();
    }
  }
  const { page, until, close } = await open(browser);
  await page.goto(artham.url);
  await until('the market', () => document.querySelectorAll('tr[data-key] [data-state=live]').length > 5);
  await settle(page);
  await artham.kill();
  await page.getByTestId('connection-bar').waitFor();
  await page.waitForTimeout(2_500);
  await page.screenshot({ path: join(out, 'lost-dark.png') });
  await artham.start();
  await close();
});
