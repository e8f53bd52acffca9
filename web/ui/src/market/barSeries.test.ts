import { describe, expect, it } from 'vitest';
import type { Bar } from '../api/types';
import { BarSeries } from './barSeries';

const minute = 60_000_000;

function bar(n: number, some: Partial<Bar> = {}): Bar {
  return {
    start: n * minute, end: (n + 1) * minute, open: '1', high: '2', low: '1', close: '2', ticks: 5, flags: [], revision: 0,
    final: true, ...some,
  };
}
const starts = (s: BarSeries) => s.all.map((b) => b.start / minute);

describe('BarSeries', () => {
  it('keeps bars in order of their starts, whatever order they come in', () => {
    const s = new BarSeries();
    expect(s.merge([bar(3), bar(4)])).toEqual({ kind: 'all' });
    expect(s.merge([bar(1), bar(2)])).toEqual({ kind: 'all' });
    expect(starts(s)).toEqual([1, 2, 3, 4]);
    expect(s.oldest?.start).toBe(minute);
    expect(s.newest?.start).toBe(4 * minute);
  });

  it('tells that only the end is new when the forming bar moves or ends', () => {
    const s = new BarSeries();
    s.merge([bar(1), bar(2, { final: false, close: '2' })]);
    expect(s.merge([bar(2, { final: false, close: '3' })])).toEqual({ kind: 'tail', from: 1 });
    expect(s.newest?.close).toBe('3');
    expect(s.merge([bar(2), bar(3, { final: false })])).toEqual({ kind: 'tail', from: 1 });
    expect(starts(s)).toEqual([1, 2, 3]);
  });

  it('lets a higher revision replace a final bar, and nothing else', () => {
    const s = new BarSeries();
    s.merge([bar(1, { revision: 1, close: '7' }), bar(2)]);
    expect(s.merge([bar(1, { revision: 0, close: '5' })])).toEqual({ kind: 'none' });
    expect(s.merge([bar(1, { final: false, close: '5' })])).toEqual({ kind: 'none' });
    expect(s.all[0]?.close).toBe('7');
    expect(s.merge([bar(1, { revision: 2, close: '8', flags: ['late'] })])).toEqual({ kind: 'all' });
    expect(s.all[0]?.close).toBe('8');
  });

  it('takes back an event bar by one without ticks, for good', () => {
    const s = new BarSeries();
    s.merge([bar(1), bar(2)]);
    s.merge([bar(2, { ticks: 0, revision: 1 })]);
    expect(starts(s)).toEqual([1]);
    s.merge([bar(2)]);
    expect(starts(s)).toEqual([1]);
    s.merge([bar(3), bar(4), bar(5)]);
    expect(s.merge([bar(4, { ticks: 0, revision: 1 })])).toEqual({ kind: 'all' });
    expect(starts(s)).toEqual([1, 3, 5]);
  });

  it('forgets an unfinished bar that starts before a finished one', () => {
    const s = new BarSeries();
    s.merge([bar(1), bar(2, { final: false })]);
    s.merge([bar(3)]);
    expect(starts(s)).toEqual([1, 3]);
    s.merge([bar(4), bar(2.5, { final: false })]);
    expect(starts(s)).toEqual([1, 3, 4]);
  });
});
