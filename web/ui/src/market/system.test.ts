import { describe, expect, it } from 'vitest';
import type { Tree } from '../api/types';
import { lossesOf, together } from './gaps';
import { lagsOf, largest } from './lags';
import { countOf, linesOf } from './tree';

const many = Array.from({ length: 20 }, (_, i) => ({ id: `b${i}`, state: i === 3 ? 'failed' : 'running' }));
const tree: Tree = {
  id: 'node', state: 'running', children: [
    { id: 'bars', state: 'running', children: many }, { id: 'store', state: 'running', children: [{ id: 'writer', state: 'running' }] },
  ],
};

describe('the tree', () => {
  it('opens what is small, and closes what is large, until told otherwise', () => {
    const ids = (toggled: string[]) => linesOf(tree, new Set(toggled)).map((l) => l.node.id);
    expect(ids([])).toEqual(['node', 'bars', 'store', 'writer']);
    expect(ids(['/node/bars'])).toHaveLength(24);
    expect(ids(['/node/store'])).toEqual(['node', 'bars', 'store']);
    expect(linesOf(tree, new Set()).map((l) => l.depth)).toEqual([0, 1, 1, 2]);
  });
  it('counts what does not run, of all nodes', () => {
    expect(countOf(tree)).toEqual({ all: 24, amiss: 1 });
    expect(countOf({ id: 'builders', state: 'running', counts: { running: 320, failed: 2 }, children: [] })).toEqual({ all: 323, amiss: 2 });
    expect(countOf({ nodes: { a: tree, b: { error: 'silent' } } })).toEqual({ all: 25, amiss: 2 });
  });
});

describe('lags', () => {
  it('are those of readers and stores', () => {
    const lags = lagsOf({ 'artham_reader_lag.hub': 3, 'artham_reader_lag.bars': 7, 'artham_store_lag.bars_1m': 1, 'artham_sessions': 9 });
    expect(lags).toHaveLength(3);
    expect(largest(lags, 'reader')).toBe(7);
    expect(largest(lags, 'store')).toBe(1);
    expect(largest([], 'store')).toBeUndefined();
    expect(lagsOf(undefined)).toEqual([]);
  });
});

describe('losses', () => {
  const gaps = [
    { from: 1, to: 2, cause: 'disconnected' }, { from: 3, cause: 'quarantined', instrument_token: 7 },
    { from: 5, to: 6, cause: 'stalled', instrument_tokens: [7, 8] },
  ];
  it('are those of everything and those of the instrument', () => {
    expect(lossesOf(gaps, 7).map((l) => l.from)).toEqual([1, 3, 5]);
    expect(lossesOf(gaps, 9).map((l) => l.from)).toEqual([1]);
    expect(lossesOf(gaps, undefined).map((l) => l.from)).toEqual([1]);
    expect(lossesOf(gaps, 7)[1]?.to).toBe(Infinity);
  });
  it('that were pushed join those that are stored, once', () => {
    const all = together(lossesOf(gaps, 9), [{ from: 1, to: 2, cause: 'disconnected' }, { from: 9, to: 10, cause: 'stalled' }]);
    expect(all.map((l) => l.from)).toEqual([9, 1]);
  });
  it('that were pushed twice are over when one of them says so', () => {
    const open = { from: 5, to: Infinity, cause: 'disconnected' };
    const over = { from: 5, to: 7, cause: 'disconnected' };
    expect(together([], [over, open])).toEqual([over]);
    expect(together([open], [over])).toEqual([over]);
  });
});
