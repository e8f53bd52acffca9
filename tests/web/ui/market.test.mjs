// The watchlist and the chart: live, by keyboard, with REST's numbers, and through the death of the program.
import assert from 'node:assert/strict';
import { open, pixels, poll, test } from './harness.mjs';

const up = [0x2f, 0xbf, 0x8f];
const down = [0xe5, 0x63, 0x6b];
const plain = (text) => text.replaceAll(',', '').replaceAll('−', '-').replace('+', '');

await test('ui market', ['exchange.speed=10', 'exchange.instruments=20', 'exchange.chains=false', 'bars.timeframes=5s,1m,5m,1D'], async (artham, browser) => {
  const { page, problems, until, text } = await open(browser);
  await page.goto(artham.url);
  await until('a connection', () => document.querySelector('[data-testid=connection]')?.textContent.startsWith('Connected'));
  await until('living instruments', () => document.querySelectorAll('tr[data-key] [data-state=live]').length >= 10);
  assert.match(await text('h1'), /^NSE:/);
  await until('a price', () => /^[\d,]+\.\d\d$/.test(document.querySelector('[data-testid=last]').textContent));
  const last = () => document.querySelector('[data-testid=last]').textContent;
  const before = await page.evaluate(last);
  await poll('another price', async () => await page.evaluate(last) !== before);

  // The chart draws rising and falling candles, and goes on by itself.
  await page.getByRole('radio', { name: '5s' }).click();
  await until('bars', () => Number(document.querySelector('[data-testid=bar-count]').textContent.split(' ')[0].replaceAll(',', '')) > 30);
  await poll('rising and falling candles', async () => await pixels(page, up) > 100 && await pixels(page, down) > 100);
  const bars = async () => Number(plain(await text('[data-testid=bar-count]')).split(' ')[0]);
  const count = await bars();
  await poll('new bars', async () => await bars() > count);

  // A finished bar under the crosshair has REST's numbers.
  const key = await text('h1');
  const box = await page.locator('[data-testid=chart]').boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.4);
  await until('a finished bar', () => !/forming/.test(document.querySelector('[data-testid=legend]').textContent));
  await poll('the bar under the crosshair', async () => {
    const shown = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll('[data-testid=legend] [data-fact]')]
      .map((e) => [e.dataset.fact, e.textContent])));
    const { bars: stored } = await artham.get(`/v1/bars?instrument=${encodeURIComponent(key)}&timeframe=5s&limit=500`);
    return stored.some((b) => ['open', 'high', 'low', 'close'].every((n) => Number(b[n]) === Number(plain(shown[n[0].toUpperCase()])))
      && b.ticks === Number(plain(shown.Ticks)) && (b.volume === undefined) === (shown.Vol === undefined));
  });

  // A click on it: what it was made of.
  await page.mouse.click(box.x + box.width * 0.6, box.y + box.height * 0.4);
  await until('the proof', () => /from [\d,]+ journaled ticks: equal in every column/.test(document.querySelector('[data-testid=verdict]')?.textContent ?? ''));
  assert.ok(await page.locator('[aria-label="Ticks"] tbody tr').count() > 0);
  await page.keyboard.press('Escape');
  await until('the proof away', () => document.querySelector('dialog') === null);
  await page.mouse.move(10, 10);

  // Indicators come from the server.
  await page.getByRole('button', { name: 'SMA 20' }).click();
  await poll('a line of the indicator', async () => await pixels(page, [0x5a, 0xa9, 0xe6]) > 50);
  await page.getByRole('button', { name: 'SMA 20' }).click();

  // By keyboard alone: another instrument, the next one of the list, another timeframe.
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  const { instruments } = await artham.get('/v1/instruments?exchange=NSE&limit=20');
  const other = instruments.at(-1).key;
  await page.keyboard.type(other.slice(4).toLowerCase());
  await until('the instrument found', (wanted) => document.querySelector('[role=option]')?.textContent.startsWith(wanted), other);
  await page.keyboard.press('Enter');
  await until('the other instrument', (wanted) => document.querySelector('h1').textContent === wanted, other);
  await until('its price', () => document.querySelector('[data-testid=last]')?.textContent !== '–');
  assert.equal(new URL(page.url()).searchParams.get('i'), other);
  await page.locator('tr[data-key] button').first().focus();
  await page.keyboard.press('ArrowDown');
  await until('the second of the list', () => document.querySelector('h1').textContent === document.querySelectorAll('tr[data-key]')[1].dataset.key);

  // What is read on the screen is what REST says, to the last digit: a share that seldom trades.
  const keys = instruments.map((i) => i.key).filter((k) => k !== 'NSE:NIFTY 50');
  const quotes = (await artham.get(`/kite/quote?${keys.map((k) => `i=${encodeURIComponent(k)}`).join('&')}`)).data;
  const [slow] = Object.entries(quotes).filter(([, q]) => q.volume > 0).sort(([, a], [, b]) => a.volume - b.volume)[0];
  const quote = async () => (await artham.get(`/kite/quote?i=${encodeURIComponent(slow)}`)).data[slow];
  await page.goto(`${artham.url}/?i=${encodeURIComponent(slow)}&tf=5s`);
  await until('a share that seldom trades', (wanted) => document.querySelector('h1')?.textContent === wanted && document.querySelector('aside [data-fact=Volume]'), slow);
  const fact = async (name) => Number(plain(await text(`aside [data-fact="${name}"]`)));
  const { ohlc } = await quote();
  assert.equal(await fact('Open'), ohlc.open);
  assert.equal(await fact('Previous close'), ohlc.close);
  let times = 0;
  await poll('moments without a tick', async () => {
    const before = await quote();
    const shown = async () => [Number(plain(await text('[data-testid=last]'))), await fact('Volume')];
    const wanted = [before.last_price, before.volume];
    for (let i = 0; i < 60 && JSON.stringify(await shown()) !== JSON.stringify(wanted); ++i) await page.waitForTimeout(50);
    const seen = await shown();
    const after = await quote();
    if (after.last_price !== before.last_price || after.volume !== before.volume) return false;
    assert.deepEqual(seen, wanted);
    times += 1;
    return times === 3;
  });

  // A command of the palette.
  await page.keyboard.press('/');
  await page.keyboard.type('timeframe 1m');
  await until('the command', () => document.querySelector('[role=option]')?.textContent.startsWith('Timeframe 1m'));
  await page.keyboard.press('Enter');
  await until('1m', () => document.querySelector('[role=radio][aria-checked=true]').textContent === '1m');

  // The program dies: it is said at once, and nothing is taken for live. It comes back: so does the page, without a reload.
  await page.evaluate(() => { window.sameDocument = true; });
  const died = Date.now();
  await artham.kill();
  await page.getByTestId('connection-bar').waitFor();
  assert.equal(await text('[data-testid=data-state]'), 'Not live');
  assert.ok(Date.now() - died < 3_000, `a loss was said after ${Date.now() - died} ms`);
  assert.match(await text('[data-testid=connection-bar]'), /Connection lost/);
  assert.equal(await page.evaluate(() => document.querySelector('[data-connection]').dataset.connection), 'lost');
  artham.settings[0] = 'exchange.speed=60';
  await artham.start();
  await until('the connection again', () => document.querySelector('[data-testid=connection]').textContent.startsWith('Connected'));
  await until('no bar of a loss', () => document.querySelector('[data-testid=connection-bar]') === null);
  await until('live again', () => document.querySelector('[data-testid=data-state]')?.textContent === 'Live');
  const after = await page.evaluate(last);
  await poll('prices that move again', async () => await page.evaluate(last) !== after);
  await until('the loss among what is doubtful', () => /artham was not running/.test(document.querySelector('[data-testid=quality]').textContent));
  assert.equal(await page.evaluate(() => window.sameDocument), true);

  // Many bars: the oldest ones come when they are looked for.
  const often = encodeURIComponent('NSE:NIFTY 50');
  await poll('more bars than a page', async () => (await artham.get(`/v1/bars?instrument=${often}&timeframe=5s&limit=800`)).bars.length >= 650, 120_000);
  await page.goto(`${artham.url}/?i=${often}&tf=5s`);
  await poll('the first page', async () => await bars() >= 550);
  const first = await bars();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await poll('the page before', async () => {
    await page.mouse.wheel(-1_500, 0);
    return await bars() > first + 30;
  });

  // What is not there says what to do.
  await page.goto(`${artham.url}/?i=NSE:NOSUCH&tf=1m`);
  await until('why there is nothing', () => /NOSUCH is not known/.test(document.querySelector('main').textContent));
  assert.deepEqual(problems, []);
});
