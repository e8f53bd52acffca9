import type { Bar } from '../api/types';

/// What of a series is new: bars from an index on, or so much that all is to be drawn again.
export type Change = { kind: 'none' } | { kind: 'tail'; from: number } | { kind: 'all' };

/// The bars of one instrument and timeframe: a bar is known by its start, a higher revision replaces it, and one
/// without ticks takes back the bar that started there.
export class BarSeries {
  private readonly known = new Map<number, Bar>();
  private bars: Bar[] = [];

  /// In order of their starts, without those that were taken back.
  get all(): readonly Bar[] { return this.bars; }
  get oldest(): Bar | undefined { return this.bars[0]; }
  get newest(): Bar | undefined { return this.bars.at(-1); }

  clear(): void {
    this.known.clear();
    this.bars = [];
  }

  merge(news: readonly Bar[]): Change {
    let from = Infinity;
    for (const bar of news) {
      const before = this.known.get(bar.start);
      if (before && !replaces(bar, before)) continue;
      this.known.set(bar.start, bar);
      from = Math.min(from, bar.start);
    }
    from = Math.min(from, this.dropMoved(news));
    if (from === Infinity) return { kind: 'none' };
    return this.rebuild(from);
  }

  /// Bars become final in their order: an unfinished one in front of a final one has another start now.
  private dropMoved(news: readonly Bar[]): number {
    let newestFinal = -Infinity;
    for (const bar of news) if (bar.final && bar.ticks > 0) newestFinal = Math.max(newestFinal, bar.start);
    let from = Infinity;
    for (let i = this.bars.length - 1; i >= 0; --i) {
      const bar = this.bars[i];
      if (!bar || bar.final || bar.start >= newestFinal) break;
      this.known.delete(bar.start);
      from = Math.min(from, bar.start);
    }
    for (const bar of news) {
      if (bar.final || bar.start >= newestFinal || this.known.get(bar.start) !== bar) continue;
      this.known.delete(bar.start);
      from = Math.min(from, bar.start);
    }
    return from;
  }

  private rebuild(from: number): Change {
    const newest = this.bars.at(-1);
    if (newest && from >= newest.start) {
      // The usual case: the newest bar moves, or others follow.
      const kept = this.bars.length - 1;
      this.bars = this.bars.slice(0, kept);
      const behind = [...this.known.values()].filter((b) => b.start >= newest.start && b.ticks > 0);
      this.bars.push(...behind.sort((a, b) => a.start - b.start));
      const same = this.bars[kept]?.start === newest.start;
      return same ? { kind: 'tail', from: kept } : { kind: 'all' };
    }
    this.bars = [...this.known.values()].filter((b) => b.ticks > 0).sort((a, b) => a.start - b.start);
    return { kind: 'all' };
  }
}

function replaces(bar: Bar, before: Bar): boolean {
  if (bar.final) return !before.final || bar.revision >= before.revision;
  return !before.final || before.ticks === 0;
}
