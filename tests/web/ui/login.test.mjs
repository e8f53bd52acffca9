// Where a key is needed, a person logs in, and out.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { keepsOut, open, test } from './harness.mjs';

await test('ui login', ['web.access=keys', 'exchange.instruments=8', 'exchange.chains=false'], async (artham, browser) => {
  const add = spawn(process.argv[2], ['user', 'add', 'anna', '--scopes', 'read', '--data', join(artham.data, 'data')], { stdio: ['pipe', 'ignore', 'inherit'] });
  add.stdin.end('correct horse battery\n');
  assert.equal((await once(add, 'exit'))[0], 0);
  const { page, problems, until } = await open(browser);
  await page.goto(artham.url);
  await page.getByRole('dialog', { name: 'Log in' }).waitFor();
  assert.deepEqual(await keepsOut(page, 'login'), []);
  const enter = async (password) => {
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
  };
  await enter('wrong');
  await until('a refusal', () => document.querySelector('dialog [role=alert]') !== null);
  await enter('correct horse battery');
  await until('living instruments', () => document.querySelectorAll('tr[data-key] [data-state=live]').length >= 5);
  await page.reload();
  await until('the same without a login', () => document.querySelectorAll('tr[data-key] [data-state=live]').length >= 5);
  await page.getByRole('button', { name: 'anna · log out' }).click();
  await page.getByRole('dialog', { name: 'Log in' }).waitFor();
  assert.deepEqual(problems.filter((p) => !/401/.test(p)), []);
});
