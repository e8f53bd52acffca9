import type {
  IPrimitivePaneRenderer, IPrimitivePaneView, ISeriesPrimitive, ITimeScaleApi, Logical, SeriesAttachedParameter, Time,
} from 'lightweight-charts';
import type { Bar } from '../api/types';
import { dayOf } from '../format/time';
import type { Loss } from '../market/gaps';

type Target = Parameters<IPrimitivePaneRenderer['draw']>[0];

export interface OverlayColors { day: string; gap: string; hatch: string; partial: string }

/// Bars from, to (exclusive), or the place between two bars that a loss fell into.
export interface Span { from: number; to: number }

/// Which bars a loss touches: none if it lies outside of them.
export function spanOf(bars: readonly Bar[], loss: Loss): Span | undefined {
  const from = firstEndingAfter(bars, loss.from);
  let to = from;
  for (let bar = bars[to]; bar && bar.start < loss.to; bar = bars[to]) to += 1;
  const isOutside = to === from && (from === 0 || from === bars.length);
  return isOutside ? undefined : { from, to };
}

/// Index of the first bar that ends behind a time; bars are in order.
function firstEndingAfter(bars: readonly Bar[], time: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const bar = bars[middle];
    if (bar && bar.end <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// Behind the candles: lost stretches hatched, doubtful bars shaded, a line where a day begins.
export class Overlay implements ISeriesPrimitive<Time> {
  private bars: readonly Bar[] = [];
  private losses: readonly Loss[] = [];
  private spans: Span[] = [];
  private days: number[] = [];
  private redraw: () => void = () => undefined;
  private scale: ITimeScaleApi<Time> | null = null;
  private readonly views: readonly IPrimitivePaneView[];

  constructor(private colors: OverlayColors) {
    const renderer: IPrimitivePaneRenderer = { draw: (target) => this.draw(target) };
    this.views = [{ zOrder: () => 'bottom', renderer: () => renderer }];
  }

  attached({ chart, requestUpdate }: SeriesAttachedParameter<Time>): void {
    this.scale = chart.timeScale();
    this.redraw = requestUpdate;
  }
  detached(): void {
    this.scale = null;
    this.redraw = () => undefined;
  }
  paneViews(): readonly IPrimitivePaneView[] { return this.views; }

  /// `hasDays`: whether days are longer than bars.
  setBars(bars: readonly Bar[], hasDays: boolean): void {
    const isLonger = bars.length !== this.bars.length || bars[0]?.start !== this.bars[0]?.start;
    this.bars = bars;
    if (!isLonger) return this.redraw();
    this.days = [];
    for (let i = 1; hasDays && i < bars.length; ++i) {
      const [before, bar] = [bars[i - 1], bars[i]];
      if (before && bar && dayOf(before.start) !== dayOf(bar.start)) this.days.push(i);
    }
    this.place();
  }
  setLosses(losses: readonly Loss[]): void {
    this.losses = losses;
    this.place();
  }
  setColors(colors: OverlayColors): void {
    this.colors = colors;
    this.redraw();
  }

  private place(): void {
    this.spans = this.losses.map((l) => spanOf(this.bars, l)).filter((s) => s !== undefined);
    this.redraw();
  }

  private draw(target: Target): void {
    const scale = this.scale;
    const zero = scale?.logicalToCoordinate(0 as Logical);
    const one = scale?.logicalToCoordinate(1 as Logical);
    const range = scale?.getVisibleLogicalRange();
    if (zero === null || zero === undefined || one === null || one === undefined || !range) return;
    const width = one - zero;
    const edge = (index: number) => zero + (index - 0.5) * width;
    const from = Math.max(0, Math.floor(range.from));
    const to = Math.min(this.bars.length, Math.ceil(range.to) + 1);
    target.useBitmapCoordinateSpace(({ context: c, bitmapSize, horizontalPixelRatio: ratio }) => {
      const { height } = bitmapSize;
      c.save();
      c.fillStyle = this.colors.partial;
      for (let i = from; i < to; ++i) {
        if (this.bars[i]?.flags.includes('partial')) c.fillRect(edge(i) * ratio, 0, width * ratio, height);
      }
      c.strokeStyle = this.colors.day;
      c.lineWidth = Math.max(1, Math.floor(ratio));
      for (const day of this.days) {
        if (day < from || day > to) continue;
        const x = Math.round(edge(day) * ratio) + 0.5;
        c.beginPath();
        c.moveTo(x, 0);
        c.lineTo(x, height);
        c.stroke();
      }
      for (const span of this.spans) {
        if (span.to < from || span.from > to) continue;
        const isBetween = span.to === span.from;
        const left = edge(span.from) * ratio - (isBetween ? 1.5 * ratio : 0);
        const right = edge(span.to) * ratio + (isBetween ? 1.5 * ratio : 0);
        this.hatch(c, left, right, height, ratio);
      }
      c.restore();
    });
  }

  private hatch(c: CanvasRenderingContext2D, left: number, right: number, height: number, ratio: number): void {
    c.save();
    c.beginPath();
    c.rect(left, 0, right - left, height);
    c.clip();
    c.fillStyle = this.colors.gap;
    c.fillRect(left, 0, right - left, height);
    c.strokeStyle = this.colors.hatch;
    c.lineWidth = ratio;
    const step = 7 * ratio;
    c.beginPath();
    // Lines of one raster for the whole chart, so that neighbours join.
    for (let x = Math.floor((left - height) / step) * step; x < right; x += step) {
      c.moveTo(x, height);
      c.lineTo(x + height, 0);
    }
    c.stroke();
    c.restore();
  }
}
