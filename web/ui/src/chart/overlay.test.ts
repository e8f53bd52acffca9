import { describe, expect, it } from 'vitest';
import type { Bar } from '../api/types';
import { spanOf } from './overlay';

const bars = [10, 20, 30, 50].map((start): Bar => ({
  start, end: start + 10, open: '1', high: '1', low: '1', close: '1', ticks: 1, flags: [], revision: 0, final: true,
}));
const span = (from: number, to: number) => spanOf(bars, { from, to, cause: 'disconnected' });

describe('a loss on the chart', () => {
  it('covers the bars that it touches', () => {
    expect(span(15, 32)).toEqual({ from: 0, to: 3 });
    expect(span(20, 30)).toEqual({ from: 1, to: 2 });
    expect(span(29, Infinity)).toEqual({ from: 1, to: 4 });
  });
  it('lies between two bars when it touches none', () => {
    expect(span(42, 48)).toEqual({ from: 3, to: 3 });
  });
  it('is not shown before the first bar and behind the last', () => {
    expect(span(1, 9)).toBeUndefined();
    expect(span(70, 80)).toBeUndefined();
    expect(spanOf([], { from: 1, to: 2, cause: 'stalled' })).toBeUndefined();
  });
});
