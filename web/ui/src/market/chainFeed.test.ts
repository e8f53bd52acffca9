import { describe, expect, it } from 'vitest';
import type { Chain } from '../api/types';
import { ChainFeed, type ChainNow, strikesOf } from './chainFeed';

function chain(t: number, strikes: string[]): Chain {
  return {
    underlying: 'NIFTY', expiry: '2026-12-01', t, state: 'ok', years: 0.1, valued: 0, final: true,
    options: strikes.flatMap((strike, i) => [
      { token: 2 * i, type: 'CE' as const, strike, state: 'ok', age: 0 },
      ...i === 0 ? [] : [{ token: 2 * i + 1, type: 'PE' as const, strike, state: 'ok', age: 0 }],
    ]),
  };
}

describe('ChainFeed', () => {
  it('tells the newest chain once a frame, with its state', () => {
    const told: ChainNow[] = [];
    const frames: (() => void)[] = [];
    const feed = new ChainFeed((now) => told.push(now), (run) => frames.push(run));
    const key = 'chain:NIFTY:2026-12-01';
    feed.snapshot({ key, state: 'live', snapshot: { chain: chain(1, ['100']) } });
    feed.push({ ev: 'chain', key, chain: chain(2, ['100']) });
    feed.push({ ev: 'state', key, state: 'waiting_feed' });
    for (const run of frames.splice(0)) run();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ chain: { t: 2 }, state: 'waiting_feed' });
    feed.push({ ev: 'chain', key, chain: chain(3, ['100']) });
    feed.close();
    for (const run of frames.splice(0)) run();
    expect(told).toHaveLength(1);
  });
});

describe('strikes', () => {
  it('are in order of their numbers, each with what it has', () => {
    const rows = strikesOf(chain(1, ['9900', '10000', '950.5']));
    expect(rows.map((r) => r.strike)).toEqual(['950.5', '9900', '10000']);
    expect(rows.map((r) => [r.call?.type, r.put?.type])).toEqual([['CE', 'PE'], ['CE', undefined], ['CE', 'PE']]);
  });
});
