import { describe, expect, it } from 'vitest';
import { edges, LatencyMeter } from './latency';

describe('LatencyMeter', () => {
  it('sorts what was measured into buckets, and knows its middle and its end', () => {
    const meter = new LatencyMeter();
    expect(meter.read()).toMatchObject({ count: 0, median: undefined });
    for (let ms = 1; ms <= 200; ++ms) meter.take({ last: '1', t_rx: ms * 1000, t_ex: 0 });
    meter.take({ last: '1', t_rx: 9_000_000, t_ex: 0 });
    meter.take({ last: '1', t_rx: 5 });
    const { count, median, p99, most, buckets } = meter.read();
    expect([count, median, most]).toEqual([201, 101, 9_000]);
    expect(p99).toBe(199);
    expect(buckets.slice(0, 2)).toEqual([100, 100]);
    expect(buckets[edges.length]).toBe(1);
  });
  it('forgets the oldest', () => {
    const meter = new LatencyMeter();
    for (let i = 0; i < 5_100; ++i) meter.take({ last: '1', t_rx: i < 100 ? 9_000_000 : 1_000, t_ex: 0 });
    expect(meter.read()).toMatchObject({ count: 5_000, most: 1 });
  });
});
