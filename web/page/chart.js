// Draws bars. Knows no network and derives nothing from prices but pixels.

const colors = {
  ground: '#0d1014', grid: '#1a2028', axis: '#8b95a3', day: '#2a3440', text: '#d5dbe3',
  up: '#2fbf8f', down: '#e5636b', upVolume: 'rgba(47,191,143,.32)', downVolume: 'rgba(229,99,107,.32)',
  warn: '#d8a648', gap: 'rgba(216,166,72,.10)', cross: '#5c6673', tag: '#2b3542',
};
const font = '11px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const priceWidth = 78;
const timeHeight = 26;
const volumeShare = 0.2;
const minutes = 60;
const timeSteps = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (n) => String(n).padStart(2, '0');

/// Exchange-zone parts of a time in microseconds.
export function local(micros, offsetSeconds) {
  const d = new Date(micros / 1000 + offsetSeconds * 1000);
  return {
    day: Math.floor(d.getTime() / 86400000),
    seconds: d.getUTCHours() * 3600 + d.getUTCMinutes() * 60 + d.getUTCSeconds(),
    clock: `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`,
    clockSeconds: `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`,
    date: `${d.getUTCDate()} ${months[d.getUTCMonth()]}`,
    year: d.getUTCFullYear(),
  };
}

function niceStep(range, count) {
  const rough = range / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const unit = rough / power;
  return (unit > 5 ? 10 : unit > 2.5 ? 5 : unit > 2 ? 2.5 : unit > 1 ? 2 : 1) * power;
}

export class Chart {
  /// onHover(bar or null), onRange(oldest bar is near), onFollow(whether the newest bar is in view)
  constructor(canvas, { onHover, onRange, onFollow }) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.onHover = onHover;
    this.onRange = onRange;
    this.onFollow = onFollow;
    this.offsetSeconds = 0;
    this.barWidth = 9;
    this.clear();
    this.hatch = this.makeHatch(colors.warn, 0.75);
    this.gapHatch = this.makeHatch(colors.warn, 0.22);
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  clear() {
    this.bars = [];
    this.gaps = [];
    this.last = null;
    this.back = 0;  // bars between the newest one and the right edge
    this.pointer = null;
    this.paintSoon();
  }

  setBars(bars) {
    const newest = this.bars.at(-1)?.start;
    this.bars = bars;
    if (this.back > 0 && newest !== undefined) {
      // Who looks at the past keeps looking at it.
      for (let i = bars.length - 1; i >= 0 && bars[i].start > newest; --i) this.back += 1;
    }
    this.paintSoon();
  }
  setGaps(gaps) { this.gaps = gaps; this.paintSoon(); }
  setLast(text) { this.last = Number(text); this.paintSoon(); }

  toLive() { this.back = 0; this.paintSoon(); }

  makeHatch(color, alpha) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const c = tile.getContext('2d');
    c.globalAlpha = alpha;
    c.strokeStyle = color;
    c.lineWidth = 1.2;
    c.beginPath();
    c.moveTo(-1, 7); c.lineTo(7, -1);
    c.moveTo(-1, 1); c.lineTo(1, -1);
    c.moveTo(5, 7); c.lineTo(7, 5);
    c.stroke();
    return this.context.createPattern(tile, 'repeat');
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = this.canvas.getBoundingClientRect();
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ratio = ratio;
    this.width = width;
    this.height = height;
    this.paint();
  }

  paintSoon() {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame(() => { this.requested = false; this.paint(); });
  }

  listen() {
    const c = this.canvas;
    let drag = null;
    c.addEventListener('pointerdown', (e) => {
      drag = { x: e.clientX, back: this.back };
      c.setPointerCapture(e.pointerId);
    });
    c.addEventListener('pointermove', (e) => {
      const box = c.getBoundingClientRect();
      this.pointer = { x: e.clientX - box.left, y: e.clientY - box.top };
      if (drag) this.moveTo(drag.back + (e.clientX - drag.x) / this.barWidth);
      this.paintSoon();
    });
    c.addEventListener('pointerup', () => { drag = null; });
    c.addEventListener('pointercancel', () => { drag = null; });
    c.addEventListener('pointerleave', () => { this.pointer = null; this.paintSoon(); });
    c.addEventListener('dblclick', () => this.toLive());
    c.addEventListener('wheel', (e) => {
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.moveTo(this.back - e.deltaX / this.barWidth);
      else this.zoom(e.deltaY < 0 ? 1.12 : 1 / 1.12);
    }, { passive: false });
    c.addEventListener('keydown', (e) => {
      const act = {
        ArrowLeft: () => this.moveTo(this.back + 5), ArrowRight: () => this.moveTo(this.back - 5),
        '+': () => this.zoom(1.25), '=': () => this.zoom(1.25), '-': () => this.zoom(0.8),
        End: () => this.toLive(),
      }[e.key];
      if (!act) return;
      e.preventDefault();
      act();
    });
  }

  moveTo(back) {
    this.back = Math.max(0, Math.min(back, Math.max(0, this.bars.length - 10)));
    this.paintSoon();
  }
  zoom(factor) {
    this.barWidth = Math.max(2, Math.min(48, this.barWidth * factor));
    this.paintSoon();
  }

  /// Pixel of the middle of bar i.
  x(i) { return this.plotWidth - 14 - (this.bars.length - 1 - i - this.back + 0.5) * this.barWidth; }

  paint() {
    if (!this.width) return;
    const c = this.context;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.fillStyle = colors.ground;
    c.fillRect(0, 0, this.width, this.height);
    this.plotWidth = this.width - priceWidth;
    this.plotHeight = this.height - timeHeight;
    this.onFollow(this.back < 1);
    if (this.bars.length === 0) return this.onHover(null);

    const n = this.bars.length;
    const visible = Math.ceil(this.plotWidth / this.barWidth) + 2;
    const to = Math.min(n, Math.ceil(n - this.back) + 1);
    const from = Math.max(0, to - visible);
    if (from < 50) this.onRange();
    const bars = this.bars.slice(from, to);

    let low = Math.min(...bars.map((b) => b.l));
    let high = Math.max(...bars.map((b) => b.h));
    if (this.last !== null && this.back < 1) { low = Math.min(low, this.last); high = Math.max(high, this.last); }
    if (high === low) { high += Math.abs(high) * 0.001 || 1; low -= Math.abs(low) * 0.001 || 1; }
    const priceHeight = this.plotHeight * (1 - volumeShare) - 12;
    const span = high - low;
    low -= span * 0.06;
    high += span * 0.06;
    this.y = (p) => 6 + (high - p) / (high - low) * (priceHeight - 6);
    this.price = (y) => high - (y - 6) / (priceHeight - 6) * (high - low);
    this.digits = Math.min(9, Math.max(2, Math.ceil(-Math.log10(niceStep(high - low, 8)) + 0.001)));

    c.font = font;
    c.textBaseline = 'middle';
    this.paintGrid(low, high, priceHeight);
    this.paintTimes(bars, from);
    c.save();
    c.beginPath();
    c.rect(0, 0, this.plotWidth, this.plotHeight);
    c.clip();
    this.paintGaps(from, to);
    this.paintVolume(bars, from);
    this.paintCandles(bars, from);
    c.restore();
    if (this.last !== null) this.paintLast();
    this.paintCross(from, to);
  }

  paintGrid(low, high, priceHeight) {
    const c = this.context;
    const step = niceStep(high - low, priceHeight / 54);
    c.strokeStyle = colors.grid;
    c.fillStyle = colors.axis;
    c.textAlign = 'left';
    c.lineWidth = 1;
    for (let p = Math.ceil(low / step) * step; p <= high; p += step) {
      const y = Math.round(this.y(p)) + 0.5;
      c.beginPath(); c.moveTo(0, y); c.lineTo(this.plotWidth, y); c.stroke();
      c.fillText(this.format(p), this.plotWidth + 8, y);
    }
    c.strokeStyle = colors.day;
    c.beginPath();
    c.moveTo(this.plotWidth + 0.5, 0); c.lineTo(this.plotWidth + 0.5, this.plotHeight);
    c.moveTo(0, this.plotHeight + 0.5); c.lineTo(this.width, this.plotHeight + 0.5);
    c.stroke();
  }

  paintTimes(bars, from) {
    const c = this.context;
    const seconds = bars.length > 1 ? this.typicalSpacing(bars) : minutes;
    const wanted = 84 / this.barWidth * seconds;
    const step = timeSteps.find((s) => s >= wanted && s >= seconds) ?? timeSteps.at(-1);
    const daily = seconds >= 86400;
    c.textAlign = 'center';
    let lastLabel = -Infinity;
    let previous = from > 0 ? local(this.bars[from - 1].start, this.offsetSeconds) : null;
    // New days first: their labels have precedence.
    const marks = bars.map((b, i) => {
      const t = local(b.start, this.offsetSeconds);
      const newDay = !previous || previous.day !== t.day;
      const passes = previous && !newDay && Math.floor(t.seconds / step) !== Math.floor(previous.seconds / step);
      previous = t;
      return { x: this.x(from + i), t, newDay, passes, known: i > 0 || from > 0 };
    });
    const days = marks.filter((m) => m.newDay && m.known).map((m) => m.x);
    for (const m of marks) {
      if (m.x < 4 || m.x > this.plotWidth) continue;
      const x = Math.round(m.x) + 0.5;
      if (m.newDay && m.known) {
        if (!daily) {
          c.strokeStyle = colors.day;
          c.beginPath(); c.moveTo(x, 0); c.lineTo(x, this.plotHeight); c.stroke();
        }
        if (m.x - lastLabel < 48) continue;
        c.fillStyle = colors.text;
        c.fillText(m.t.date, Math.max(m.x, 22), this.plotHeight + timeHeight / 2 + 1);
        lastLabel = m.x;
      } else if (m.passes && !daily && m.x - lastLabel > 56 && !days.some((d) => Math.abs(d - m.x) < 50)) {
        c.strokeStyle = colors.grid;
        c.beginPath(); c.moveTo(x, 0); c.lineTo(x, this.plotHeight); c.stroke();
        c.fillStyle = colors.axis;
        c.fillText(m.t.clock, Math.max(m.x, 18), this.plotHeight + timeHeight / 2 + 1);
        lastLabel = m.x;
      }
    }
  }

  typicalSpacing(bars) {
    const spacings = [];
    for (let i = Math.max(1, bars.length - 40); i < bars.length; ++i) spacings.push((bars[i].start - bars[i - 1].start) / 1e6);
    spacings.sort((a, b) => a - b);
    return spacings[spacings.length >> 1];
  }

  /// A lost feed is a band over the bars that it touches, or between the two that it fell between.
  paintGaps(from, to) {
    const c = this.context;
    for (const g of this.gaps) {
      let left = null;
      let right = null;
      for (let i = from; i < to; ++i) {
        const b = this.bars[i];
        if (b.end <= g.from) continue;
        if (b.start >= g.to) {
          if (left === null && i > from) { left = this.x(i) - this.barWidth / 2 - 1.5; right = left + 3; }
          break;
        }
        left ??= this.x(i) - this.barWidth / 2;
        right = this.x(i) + this.barWidth / 2;
      }
      if (left === null) continue;
      c.fillStyle = colors.gap;
      c.fillRect(left, 0, right - left, this.plotHeight);
      c.fillStyle = this.gapHatch;
      c.fillRect(left, 0, right - left, this.plotHeight);
    }
  }

  paintVolume(bars, from) {
    const c = this.context;
    const most = Math.max(...bars.map((b) => b.v ?? 0));
    if (!(most > 0)) return;
    const height = this.plotHeight * volumeShare;
    const w = this.bodyWidth();
    bars.forEach((b, i) => {
      if (!b.v) return;
      const h = Math.max(1, b.v / most * height);
      c.fillStyle = b.c >= b.o ? colors.upVolume : colors.downVolume;
      c.fillRect(this.x(from + i) - w / 2, this.plotHeight - h, w, h);
    });
    this.volumePeak = most;
  }

  bodyWidth() { return Math.max(1, Math.floor(this.barWidth * 0.72)); }

  paintCandles(bars, from) {
    const c = this.context;
    const w = this.bodyWidth();
    bars.forEach((b, i) => {
      const x = this.x(from + i);
      const color = b.c >= b.o ? colors.up : colors.down;
      const top = this.y(Math.max(b.o, b.c));
      const height = Math.max(1, this.y(Math.min(b.o, b.c)) - top);
      c.strokeStyle = color;
      c.lineWidth = 1;
      const middle = Math.round(x) + 0.5;
      c.beginPath(); c.moveTo(middle, this.y(b.h)); c.lineTo(middle, this.y(b.l)); c.stroke();
      const left = Math.round(x - w / 2);
      const doubtful = b.flags.includes('partial') || b.flags.includes('gap');
      if (doubtful && w > 2) {
        c.fillStyle = colors.ground;
        c.fillRect(left, top, w, height);
        c.fillStyle = this.hatch;
        c.fillRect(left, top, w, height);
        c.strokeRect(left + 0.5, top + 0.5, Math.max(w - 1, 1), Math.max(height - 1, 0.5));
      } else if (!b.final && w > 2) {
        c.fillStyle = colors.ground;
        c.fillRect(left, top, w, height);
        c.globalAlpha = 0.4;
        c.fillStyle = color;
        c.fillRect(left, top, w, height);
        c.globalAlpha = 1;
        c.strokeRect(left + 0.5, top + 0.5, Math.max(w - 1, 1), Math.max(height - 1, 0.5));
      } else {
        c.fillStyle = color;
        c.fillRect(left, top, w, height);
      }
      if (b.flags.length > 0) {
        c.fillStyle = colors.warn;
        c.beginPath(); c.arc(x, this.plotHeight - 4, Math.min(2.5, w / 2 + 0.5), 0, 7); c.fill();
      }
    });
  }

  tag(text, y, fill, color) {
    const c = this.context;
    c.fillStyle = fill;
    c.fillRect(this.plotWidth + 1, y - 9, priceWidth - 1, 18);
    c.fillStyle = color;
    c.textAlign = 'left';
    c.fillText(text, this.plotWidth + 8, y + 0.5);
  }

  paintLast() {
    const y = this.y(this.last);
    if (y < 0 || y > this.plotHeight) return;
    const c = this.context;
    const newest = this.bars.at(-1);
    const color = newest.c >= newest.o ? colors.up : colors.down;
    c.strokeStyle = color;
    c.setLineDash([3, 4]);
    c.beginPath(); c.moveTo(0, Math.round(y) + 0.5); c.lineTo(this.plotWidth, Math.round(y) + 0.5); c.stroke();
    c.setLineDash([]);
    this.tag(this.format(this.last), y, color, '#0d1014');
  }

  paintCross(from, to) {
    const p = this.pointer;
    if (!p || p.x > this.plotWidth || p.y > this.plotHeight) return this.onHover(null);
    const c = this.context;
    const i = Math.min(to - 1, Math.max(from, Math.round(
      this.bars.length - 1 - this.back + 0.5 - (this.plotWidth - 14 - p.x) / this.barWidth)));
    const bar = this.bars[i];
    const x = Math.round(this.x(i)) + 0.5;
    c.strokeStyle = colors.cross;
    c.setLineDash([2, 3]);
    c.beginPath();
    c.moveTo(x, 0); c.lineTo(x, this.plotHeight);
    c.moveTo(0, Math.round(p.y) + 0.5); c.lineTo(this.plotWidth, Math.round(p.y) + 0.5);
    c.stroke();
    c.setLineDash([]);
    const priceBottom = this.plotHeight * (1 - volumeShare) - 12;
    if (p.y <= priceBottom) this.tag(this.format(this.price(p.y)), p.y, colors.tag, colors.text);
    const t = local(bar.start, this.offsetSeconds);
    const text = `${t.date} ${t.clock}`;
    const w = c.measureText(text).width + 16;
    const left = Math.min(Math.max(0, x - w / 2), this.plotWidth - w);
    c.fillStyle = colors.tag;
    c.fillRect(left, this.plotHeight + 3, w, 20);
    c.fillStyle = colors.text;
    c.textAlign = 'center';
    c.fillText(text, left + w / 2, this.plotHeight + timeHeight / 2 + 1);
    this.onHover(bar);
  }

  format(p) {
    return p.toLocaleString('en-IN', { minimumFractionDigits: this.digits, maximumFractionDigits: this.digits });
  }
}
