import {
  CandlestickSeries, type CandlestickData, ColorType, createChart, createSeriesMarkers, CrosshairMode, HistogramSeries,
  type HistogramData, type IChartApi, type ISeriesApi, type ISeriesMarkersPluginApi, LineSeries, type MouseEventParams,
  type SeriesMarker, type Time, type UTCTimestamp, type WhitespaceData,
} from 'lightweight-charts';
import type { Bar } from '../api/types';
import { offsetSeconds } from '../format/time';
import type { Change } from '../market/barSeries';
import type { Loss } from '../market/gaps';
import type { Palette } from '../state/theme';
import { Overlay } from './overlay';

export interface ChartListener {
  /// The bar under the crosshair, or undefined.
  hover(bar: Bar | undefined): void;
  /// A bar was clicked.
  choose(bar: Bar): void;
  /// The oldest bar is near.
  older(): void;
  /// Whether the newest bar is in view.
  follows(isFollowing: boolean): void;
}

const nearTheEdge = 60;
const ownPane = ['rsi', 'atr'];

/// The library thinks in UTC: local times are given as if they were UTC's, so that days and hours are those of the exchange.
function timeOf(bar: Bar): UTCTimestamp { return (bar.start / 1e6 + offsetSeconds()) as UTCTimestamp; }

/// Of the root's font: large screens have larger text.
function scaleOfPage(): number { return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; }

function isDoubtful(bar: Bar): boolean { return bar.flags.includes('partial') || bar.flags.includes('gap'); }

/// Draws bars and what is known about them; derives nothing but pixels from them.
export class MarketChart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<'Candlestick'>;
  private readonly volume: ISeriesApi<'Histogram'>;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly overlay: Overlay;
  private readonly lines = new Map<string, ISeriesApi<'Line'>>();
  private bars: readonly Bar[] = [];
  private isIntraday = true;
  private isFollowing = true;

  constructor(element: HTMLElement, private colors: Palette, private readonly listener: ChartListener) {
    this.chart = createChart(element, { autoSize: true, ...this.looks() });
    this.candles = this.chart.addSeries(CandlestickSeries, {});
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.24 } });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: 'volume', priceFormat: { type: 'volume' }, lastValueVisible: false, priceLineVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.markers = createSeriesMarkers(this.candles, []);
    this.overlay = new Overlay(this.overlayColors());
    this.candles.attachPrimitive(this.overlay);
    this.chart.subscribeCrosshairMove((at) => this.listener.hover(this.barAt(at)));
    this.chart.subscribeClick((at) => {
      const bar = this.barAt(at);
      if (bar) this.listener.choose(bar);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (!range || this.bars.length === 0) return;
      if (range.from < nearTheEdge) this.listener.older();
      this.isFollowing = range.to >= this.bars.length - 1;
      this.listener.follows(this.isFollowing);
    });
    this.setColors(colors);
  }

  close(): void { this.chart.remove(); }

  /// What the axis needs to know: digits behind the point, the smallest step, whether bars are shorter than days.
  setInstrument(digits: number, tickSize: number, isIntraday: boolean, hasSeconds: boolean): void {
    this.isIntraday = isIntraday;
    this.candles.applyOptions({ priceFormat: { type: 'price', precision: digits, minMove: tickSize } });
    this.chart.applyOptions({ timeScale: { timeVisible: isIntraday, secondsVisible: hasSeconds } });
  }

  setBars(bars: readonly Bar[], change: Change): void {
    this.bars = bars;
    if (change.kind === 'tail' && change.from > 0) {
      for (const bar of bars.slice(change.from)) {
        this.candles.update(this.candle(bar));
        this.volume.update(this.volumeOf(bar));
      }
    } else {
      this.candles.setData(bars.map((b) => this.candle(b)));
      this.volume.setData(bars.map((b) => this.volumeOf(b)));
    }
    this.overlay.setBars(bars, this.isIntraday);
    if (change.kind !== 'tail' || bars.slice(change.from).some((b) => b.revision > 0)) this.markers.setMarkers(this.revisions());
  }

  setLosses(losses: readonly Loss[]): void { this.overlay.setLosses(losses); }

  /// Values by column and start of the bar. A bar that is not drawn has no place for any.
  setIndicators(columns: ReadonlyMap<string, ReadonlyMap<number, number>>): void {
    for (const [column, line] of this.lines) {
      if (columns.has(column)) continue;
      this.chart.removeSeries(line);
      this.lines.delete(column);
    }
    const drawn = new Set(this.bars.map((b) => b.start));
    const panes = ownPane.filter((name) => [...columns.keys()].some((c) => c.startsWith(`${name}:`)));
    for (const [column, values] of columns) {
      let line = this.lines.get(column);
      if (!line) {
        const [name = ''] = column.split(':');
        const isBand = column.endsWith(':upper') || column.endsWith(':lower');
        line = this.chart.addSeries(LineSeries, {
          lineWidth: isBand ? 1 : 2, lineStyle: isBand ? 2 : 0, priceLineVisible: false, lastValueVisible: !isBand,
          crosshairMarkerVisible: false, title: isBand ? '' : column.toUpperCase().replace(':', ' '),
        }, panes.indexOf(name) + 1);
        this.lines.set(column, line);
      }
      line.setData([...values].filter(([start]) => drawn.has(start)).sort(([a], [b]) => a - b).map(([start, value]) => ({
        time: (start / 1e6 + offsetSeconds()) as UTCTimestamp, value,
      })));
    }
    for (const pane of this.chart.panes().slice(1)) pane.setStretchFactor(0.25);
    this.colorLines();
  }

  setColors(colors: Palette): void {
    this.colors = colors;
    this.chart.applyOptions(this.looks());
    this.candles.applyOptions({
      upColor: colors.up, downColor: colors.down, borderUpColor: colors.up, borderDownColor: colors.down,
      wickUpColor: colors.up, wickDownColor: colors.down,
    });
    this.overlay.setColors(this.overlayColors());
    this.colorLines();
    this.setBars(this.bars, { kind: 'all' });
  }

  toNewest(): void { this.chart.timeScale().scrollToRealTime(); }

  private looks() {
    const { ground, ink, quiet, line, grid } = this.colors;
    return {
      layout: {
        background: { type: ColorType.Solid as const, color: ground }, textColor: quiet, fontSize: Math.round(11 * scaleOfPage()), attributionLogo: false,
        fontFamily: 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif',
        panes: { separatorColor: line, separatorHoverColor: line, enableResize: true },
      },
      grid: { vertLines: { color: grid }, horzLines: { color: grid } },
      rightPriceScale: { borderColor: line },
      timeScale: { borderColor: line, rightOffset: 6, barSpacing: 8 * scaleOfPage(), minBarSpacing: 1 },
      crosshair: {
        mode: CrosshairMode.Normal,
        vertLine: { color: quiet, labelBackgroundColor: ink }, horzLine: { color: quiet, labelBackgroundColor: ink },
      },
    };
  }

  private overlayColors() {
    const { line, warnSoft, warn } = this.colors;
    return { day: line, gap: warnSoft, hatch: `${warn}59`, partial: warnSoft };
  }

  private colorLines(): void {
    let i = 0;
    const colors = new Map<string, string>();
    for (const [column, line] of this.lines) {
      const [name = '', length = ''] = column.split(':');
      const kind = `${name}:${length}`;
      let color = colors.get(kind);
      if (!color) {
        color = this.colors.lines[i % this.colors.lines.length] ?? this.colors.accent;
        colors.set(kind, color);
        i += 1;
      }
      line.applyOptions({ color });
    }
  }

  /// What is still forming, and what is doubtful, is hollow.
  private candle(bar: Bar): CandlestickData<Time> {
    const [open, high, low, close] = [Number(bar.open), Number(bar.high), Number(bar.low), Number(bar.close)];
    const data: CandlestickData<Time> = { time: timeOf(bar), open, high, low, close };
    const { up, down, upSoft, downSoft, warn, warnSoft } = this.colors;
    const isUp = close >= open;
    if (isDoubtful(bar)) return { ...data, color: warnSoft, borderColor: warn, wickColor: isUp ? up : down };
    if (!bar.final) return { ...data, color: isUp ? upSoft : downSoft, borderColor: isUp ? up : down };
    return data;
  }

  private volumeOf(bar: Bar): HistogramData<Time> | WhitespaceData<Time> {
    if (bar.volume === undefined) return { time: timeOf(bar) };
    const isUp = Number(bar.close) >= Number(bar.open);
    return { time: timeOf(bar), value: bar.volume, color: isUp ? this.colors.upSoft : this.colors.downSoft };
  }

  private revisions(): SeriesMarker<Time>[] {
    return this.bars.filter((b) => b.revision > 0).map((b) => ({
      time: timeOf(b), position: 'aboveBar', shape: 'circle', color: this.colors.warn, size: 0.5, text: `r${b.revision}`,
    }));
  }

  private barAt(at: MouseEventParams): Bar | undefined {
    return at.point === undefined || at.logical === undefined ? undefined : this.bars[Math.round(at.logical)];
  }
}
