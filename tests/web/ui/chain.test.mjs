// A living option chain, with REST's numbers.
import assert from 'node:assert/strict';
import { open, poll, test } from './harness.mjs';

const plain = (text) => text.replaceAll(',', '').replaceAll('−', '-').replace('+', '');

await test('ui chain', ['exchange.instruments=8'], async (artham, browser) => {
  const { page, problems, until, text } = await open(browser, { width: 1600, height: 560 });
  await page.goto(artham.url);
  await page.getByRole('link', { name: 'Options' }).click();
  await until('a valued chain', () => document.querySelectorAll('tr[data-strike]').length > 10
    && /^\d+\.\d\d$/.test(document.querySelector('[aria-current=true]')?.closest('tr').querySelector('[data-cell=iv]')?.textContent ?? ''));
  await until('live', () => document.querySelector('[data-testid=data-state]').textContent === 'Live');

  const strikes = await page.evaluate(() => [...document.querySelectorAll('tr[data-strike]')].map((r) => Number(r.dataset.strike)));
  assert.deepEqual(strikes, [...strikes].sort((a, b) => a - b));

  await until('all strikes', () => document.querySelector('[data-testid=strikes] table').getAttribute('aria-rowcount') === '23');

  // The strike at the money is in the middle of what is seen, as far as there are strikes on both sides.
  const placed = await page.evaluate(() => {
    const row = document.querySelector('[aria-current=true]').closest('tr').getBoundingClientRect();
    const view = document.querySelector('[data-testid=strikes]');
    const box = view.getBoundingClientRect();
    return { off: row.top + row.height / 2 - (box.top + box.height / 2), above: view.scrollTop, below: view.scrollHeight - view.clientHeight - view.scrollTop };
  });
  assert.ok(placed.above + placed.below > 50, `nothing to scroll: ${JSON.stringify(placed)}`);
  assert.ok(Math.abs(placed.off) < 60 || (placed.off < 0 && placed.above < 1) || (placed.off > 0 && placed.below < 1), JSON.stringify(placed));

  // It lives.
  const forward = () => document.querySelector('[data-fact=Forward]').textContent;
  const before = await page.evaluate(forward);
  await poll('a move of the forward', async () => await page.evaluate(forward) !== before);

  // The screen of a clock mark is the chain that REST has of that mark, in every cell.
  const { chain: { expiry } } = await artham.get('/v1/chain/NIFTY');
  await page.evaluate(() => {
    window.marks = [];
    const look = () => {
      const time = document.querySelector('[data-testid=chain-time]');
      if (time?.dataset.final === 'true' && window.marks.at(-1)?.t !== time.dataset.t) {
        window.marks.push({
          t: time.dataset.t,
          options: [...document.querySelectorAll('tr[data-strike]')].flatMap((row) => {
            const cells = [...row.querySelectorAll('td')];
            const half = cells.length / 2;
            return [['CE', cells.slice(0, half)], ['PE', cells.slice(half)]].filter(([, some]) => some[0].dataset.cell).map(([type, some]) => ({
              type, strike: row.dataset.strike, title: some.find((c) => c.dataset.cell === 'oi').title,
              ...Object.fromEntries(some.map((c) => [c.dataset.cell, c.textContent])),
            }));
          }),
        });
      }
      requestAnimationFrame(look);
    };
    look();
  });
  await until('some clock marks', () => window.marks.length > 4);
  const marks = await page.evaluate(() => window.marks.slice(1, 4));
  for (const { t, options } of marks) {
    let stored;
    await poll('the chain in the store', async () => {
      stored = (await artham.get(`/v1/chain/NIFTY?expiry=${expiry}&at=${Number(t) + 1}`)).chain;
      return stored.t === Number(t);
    });
    assert.ok(options.length > 30, `${options.length} options are shown`);
    const same = (shown, value) => (value === undefined ? shown === '·' : Number(plain(shown)) === Number(value));
    for (const s of options) {
      const o = stored.options.find((other) => other.strike === s.strike && other.type === s.type);
      const what = `${s.strike} ${s.type} at ${t}: ${JSON.stringify(s)} is not ${JSON.stringify(o)}`;
      for (const name of ['last', 'bid', 'ask', 'oi_change']) assert.ok(same(s[name], o[name]), `${name} of ${what}`);
      assert.ok(o.iv === undefined ? s.iv === '·' : plain(s.iv) === (o.iv * 100).toFixed(2), `iv of ${what}`);
      if (o.oi !== undefined) assert.equal(Number(plain(s.title.split(', ')[0])), o.oi, `oi of ${what}`);
    }
  }

  await page.getByRole('radio', { name: 'Greeks' }).click();
  await until('deltas', () => /^[−\d.]+$/.test(document.querySelector('[data-cell=delta]')?.textContent ?? ''));
  const deltas = await page.evaluate(() => [...document.querySelector('[aria-current=true]').closest('tr').querySelectorAll('[data-cell=delta]')].map((c) => c.textContent));
  const [call, put] = deltas.map((d) => Number(plain(d)));
  assert.ok(Math.abs(call - put - 1) < 0.02, `deltas ${deltas}`);
  await page.getByRole('radio', { name: 'Prices' }).click();

  // Another expiry, another underlying; the address says which.
  const tabs = page.getByRole('radiogroup', { name: 'Expiry' }).getByRole('radio');
  await tabs.last().click();
  await until('the last expiry', () => new URLSearchParams(location.search).get('e') !== null && document.querySelectorAll('tr[data-strike]').length > 5);
  const other = page.getByRole('radiogroup', { name: 'Underlying' }).getByRole('radio', { checked: false }).first();
  const name = await other.textContent();
  await other.click();
  await until('another underlying', (u) => new URLSearchParams(location.search).get('u') === u && document.querySelectorAll('tr[data-strike]').length > 2, name);
  await page.reload();
  await until('what the address names', (u) => document.title.startsWith(u) && document.querySelectorAll('tr[data-strike]').length > 2, name);

  // From an option to its chart.
  await page.goto(`${artham.url}/chain?u=NIFTY`);
  await page.locator('tr[data-strike] [data-cell=last] button').first().click();
  await until('the chart of an option', () => /^NFO:NIFTY.*(CE|PE)$/.test(document.querySelector('h1')?.textContent ?? ''));
  assert.match(await text('aside'), /Strike/);
  assert.deepEqual(problems, []);
});
