import type { Tick } from '../stream/protocol';

/// Upper ends of the buckets in milliseconds; what is above the last is in one more.
export const edges = [100, 250, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000] as const;
const kept = 5_000;

export interface Latencies {
  count: number;
  /// In milliseconds; undefined while nothing was measured.
  median?: number;
  p99?: number;
  most?: number;
  /// Ticks by bucket.
  buckets: number[];
}

/// From the exchange's time of a tick to its reception, both as the ticks say: of the newest ones that came to this page.
export class LatencyMeter {
  private readonly values: number[] = [];
  private next = 0;

  take(tick: Tick): void {
    if (tick.t_ex === undefined) return;
    this.values[this.next] = (tick.t_rx - tick.t_ex) / 1000;
    this.next = (this.next + 1) % kept;
  }

  read(): Latencies {
    const sorted = [...this.values].sort((a, b) => a - b);
    const buckets = new Array<number>(edges.length + 1).fill(0);
    for (const v of sorted) {
      const i = edges.findIndex((edge) => v <= edge);
      const at = i < 0 ? edges.length : i;
      buckets[at] = (buckets[at] ?? 0) + 1;
    }
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    return { count: sorted.length, median: at(0.5), p99: at(0.99), most: sorted.at(-1), buckets };
  }
}
