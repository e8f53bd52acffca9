// What a person sees on the page: candles, a price that moves, another instrument, a server that comes back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { launch, open } from './browser.mjs';

const program = process.argv[2];

async function serve(port = 0) {
  const child = spawn(program, [String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return {
    url: String(line).trim(),
    async stop() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

let server = await serve();
const browser = await launch();
let failed = false;
try {
  const { page, problems, until } = await open(browser, (text) => /WebSocket|ERR_CONNECTION_REFUSED/.test(text));
  const text = (selector) => page.locator(selector).textContent();
  /// Pixels of a colour on the canvas.
  const pixels = (r, g, b) => page.evaluate(([red, green, blue]) => {
    const c = document.getElementById('canvas');
    const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    let n = 0;
    for (let i = 0; i < d.length; i += 4) if (d[i] === red && d[i + 1] === green && d[i + 2] === blue) n += 1;
    return n;
  }, [r, g, b]);

  await page.goto(`${server.url}/#NSE%3AINFY/1m`);
  await until('connection', () => document.getElementById('connection').textContent === 'Connected');
  await until('bars', () => Number(document.getElementById('bars').textContent.replaceAll(',', '')) > 100);
  assert.equal(await text('#symbol'), 'NSE:INFY');
  assert.equal(await text('#data-state'), 'Live');
  await until('rising and falling candles', () => document.querySelector('#legend .price'));
  assert.ok(await pixels(0x2f, 0xbf, 0x8f) > 200, 'rising candles are drawn');
  assert.ok(await pixels(0xe5, 0x63, 0x6b) > 200, 'falling candles are drawn');

  await until('a price', () => /^[\d,]+\.\d\d$/.test(document.getElementById('last').textContent));
  await page.evaluate(() => { window.firstPrice = document.getElementById('last').textContent; });
  await until('another price', () => document.getElementById('last').textContent !== window.firstPrice);
  assert.match(await page.title(), /INFY – artham$/);
  assert.match(await text('#clock'), /^20 Nov 1\d:\d\d:\d\d$/);
  assert.match(await text('#quality'), /Feed disconnected/);
  assert.equal(await page.locator('#depth tr').count(), 5);

  // A new bar begins within seconds (the made-up market runs ten times as fast).
  await page.evaluate(() => { window.firstBars = document.getElementById('bars').textContent; });
  await until('a new bar', () => document.getElementById('bars').textContent !== window.firstBars);

  await page.keyboard.press('/');
  await page.keyboard.type('reliance');
  await until('a result', () => document.querySelectorAll('#results li .key').length === 1);
  await page.keyboard.press('Enter');
  await until('the other instrument', () => document.getElementById('symbol').textContent === 'NSE:RELIANCE'
    && document.getElementById('bars').textContent !== '0' && document.getElementById('last').textContent !== '–');

  await page.getByRole('radio', { name: '15m' }).click();
  await until('15m', () => location.hash.endsWith('/15m') && document.getElementById('message').hidden);

  const port = Number(new URL(server.url).port);
  await server.stop();
  await until('offline', () => document.getElementById('connection').textContent.startsWith('Offline'));
  server = await serve(port);
  await until('reconnection', () => document.getElementById('connection').textContent === 'Connected');
  await until('live again', () => document.getElementById('data-state').textContent === 'Live');

  assert.deepEqual(problems, []);

  await page.goto(`${server.url}/#NSE%3ANOPE/1m`);
  await page.reload();
  await until('why there is nothing to see', () => /NOPE.*not known/.test(document.getElementById('message').textContent));
  console.log('page: ok');
} catch (e) {
  failed = true;
  console.error(e);
} finally {
  await browser.close();
  await server.stop();
}
process.exit(failed ? 1 : 0);
