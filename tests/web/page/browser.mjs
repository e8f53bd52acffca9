// A real browser, and how the tests wait in it.
import { chromium } from 'playwright-core';

export function launch() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-component-update',
      '--disable-background-networking', '--disable-sync'],
  });
}

export async function poll(what, check, limit = 60_000) {
  const deadline = Date.now() + limit;
  while (!await check()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/// A page, what went wrong on it, and a wait for a condition in it.
export async function open(browser, isExpected = () => false) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const problems = [];
  page.on('pageerror', (e) => problems.push(e.message));
  page.on('console', (m) => { if (m.type() === 'error' && !isExpected(m.text())) problems.push(m.text()); });
  // Not page.waitForFunction: it needs eval, which the page's policy forbids.
  const until = (what, check) => poll(what, () => page.evaluate(check));
  return { page, problems, until };
}
