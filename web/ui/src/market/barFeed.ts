import { get } from '../api/rest';
import type { Bar, Bars } from '../api/types';
import type { KeyHandler, StreamClient } from '../stream/client';
import type { KeyEvent, StreamError, SubAnswer } from '../stream/protocol';
import { BarSeries, type Change } from './barSeries';
import type { Loss } from './gaps';

const pageSize = 600;
const snapshotBars = 300;
const mostBars = 50_000;
/// A final bar is pushed before it is stored; its indicators come out of the store.
const storedAfter = 700;

export interface BarFeedListener {
  bars(change: Change): void;
  loss(loss: Loss): void;
  /// Empty: nothing is amiss.
  trouble(message: string): void;
  indicators(): void;
}

/// The bars of one instrument and timeframe: what is stored, page by page into the past, and what is live.
export class BarFeed implements KeyHandler {
  readonly series = new BarSeries();
  /// Values by column (`ema:20`) and start of the bar.
  readonly indicators = new Map<string, Map<number, number>>();
  private isOver = false;
  private isAtOldest = false;
  private isLoading = false;
  private wanted: readonly string[] = [];
  private readonly unsubscribe: () => void;
  private timers = new Set<ReturnType<typeof setTimeout>>();

  /// `isLive`: whether the timeframe has a key; periods such as 1W are read from the store alone.
  constructor(
    client: Pick<StreamClient, 'subscribe'>,
    private readonly instrument: string,
    private readonly timeframe: string,
    isLive: boolean,
    private readonly listener: BarFeedListener,
  ) {
    this.unsubscribe = isLive
      ? client.subscribe(`bar:${instrument}:${timeframe}`, { history: snapshotBars }, this)
      : () => undefined;
    void this.loadNewest();
  }

  close(): void {
    this.isOver = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.unsubscribe();
  }

  /// Bars before the oldest one, if there are any.
  async loadOlder(): Promise<void> {
    const oldest = this.series.oldest;
    if (this.isLoading || this.isAtOldest || !oldest || this.series.all.length >= mostBars) return;
    await this.load({ to: oldest.start, limit: pageSize });
  }

  /// Columns such as `sma:20`: computed by the server, for all bars that are loaded.
  async showIndicators(wanted: readonly string[]): Promise<void> {
    this.wanted = wanted;
    this.indicators.clear();
    this.listener.indicators();
    if (wanted.length === 0 || this.series.all.length === 0) return;
    for (let to: number | undefined; ;) {
      const limit = Math.min(5_000, this.series.all.length + 5);
      const page = await this.ask({ to, limit }).catch(() => undefined);
      const first = page?.bars[0];
      if (!page || !first || this.isOver || this.wanted !== wanted) return;
      this.keepIndicators(page.bars);
      if (!page.more || first.start <= (this.series.oldest?.start ?? 0)) return;
      to = first.start;
    }
  }

  snapshot(answer: SubAnswer, resumed: boolean): void {
    if (answer.snapshot.bars) this.merge(answer.snapshot.bars);
    // What was missed was not pushed: it is in the store.
    if (!resumed && this.series.all.length > 0) void this.loadNewest();
  }
  push(event: KeyEvent): void {
    if (event.ev === 'gap' && event.from !== undefined)
      this.listener.loss({ from: event.from, to: event.to ?? Infinity, cause: event.cause });
    if (event.ev !== 'bar') return;
    this.merge([event.bar]);
    if (event.bar.final && this.wanted.length > 0) this.later(storedAfter, () => { void this.refreshIndicators(); });
  }
  refused(error: StreamError): void { this.listener.trouble(error.message); }

  private async loadNewest(): Promise<void> { await this.load({ limit: pageSize }); }

  private async load(query: { to?: number; limit: number }): Promise<void> {
    this.isLoading = true;
    try {
      const page = await this.ask(query);
      if (this.isOver) return;
      if (query.to !== undefined || this.series.all.length === 0) this.isAtOldest = !page.more;
      this.merge(page.bars);
      this.keepIndicators(page.bars);
      this.listener.trouble('');
    } catch (e) {
      if (!this.isOver) this.listener.trouble(e instanceof Error ? e.message : String(e));
    } finally {
      this.isLoading = false;
    }
  }

  private ask(query: { to?: number | undefined; limit: number }): Promise<Bars> {
    return get<Bars>('/v1/bars', {
      instrument: this.instrument, timeframe: this.timeframe, ...query,
      indicators: this.wanted.length > 0 ? this.wanted.join(',') : undefined,
    });
  }

  private async refreshIndicators(): Promise<void> {
    const page = await this.ask({ limit: 5 }).catch(() => undefined);
    if (page && !this.isOver) this.keepIndicators(page.bars);
  }

  private keepIndicators(bars: readonly Bar[]): void {
    let some = false;
    for (const bar of bars) {
      for (const [column, value] of Object.entries(bar.indicators ?? {})) {
        let values = this.indicators.get(column);
        if (!values) this.indicators.set(column, values = new Map());
        values.set(bar.start, Number(value));
        some = true;
      }
    }
    if (some) this.listener.indicators();
  }

  private merge(bars: readonly Bar[]): void {
    const change = this.series.merge(bars);
    if (change.kind !== 'none') this.listener.bars(change);
  }

  private later(wait: number, run: () => void): void {
    const timer = setTimeout(() => { this.timers.delete(timer); run(); }, wait);
    this.timers.add(timer);
  }
}
