import { useCallback, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import type { Chain } from '../../api/types';
import { Panel } from '../../components/Panel';
import { Plot } from '../../components/Plot';
import { numberText, shortCount } from '../../format/text';
import { strikesOf } from '../../market/chainFeed';
import { palette, useTheme } from '../../state/theme';

const font = '11px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/// A dashed line at a price.
function mark(u: uPlot, at: number | undefined, color: string): void {
  const { min, max } = u.scales['x'] ?? {};
  if (at === undefined || min === undefined || max === undefined || at < min || at > max) return;
  const x = Math.round(u.valToPos(at, 'x', true)) + 0.5;
  u.ctx.save();
  u.ctx.strokeStyle = color;
  u.ctx.setLineDash([4, 4]);
  u.ctx.beginPath();
  u.ctx.moveTo(x, u.bbox.top);
  u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
  u.ctx.stroke();
  u.ctx.restore();
}

/// Volatility by strike, and open interest by strike.
export function ChainPlots({ chain }: { chain: Chain }) {
  const theme = useTheme();
  const newest = useRef(chain);
  newest.current = chain;
  const rows = useMemo(() => strikesOf(chain), [chain]);

  const axes = useCallback((format: (n: number) => string): uPlot.Axis[] => {
    const c = palette(theme);
    const looks = { stroke: c.quiet, font, grid: { stroke: c.grid, width: 1 }, ticks: { stroke: c.grid, width: 1 } };
    return [
      { ...looks, size: 28, values: (_u, all) => all.map((n) => String(n)) },
      { ...looks, size: 46, values: (_u, all) => all.map(format) },
    ];
  }, [theme]);
  const marks = useCallback((u: uPlot) => {
    const c = palette(theme);
    mark(u, newest.current.forward, c.accent);
    mark(u, newest.current.max_pain === undefined ? undefined : Number(newest.current.max_pain), c.warn);
  }, [theme]);

  const smile = useCallback((): Omit<uPlot.Options, 'width' | 'height'> => {
    const c = palette(theme);
    const line = (label: string, stroke: string) => ({ label, stroke, width: 1.5, points: { show: true, size: 4, fill: stroke }, value: (_u: uPlot, v: number | null) => (v === null ? '–' : numberText(v, 2)) });
    return {
      scales: { x: { time: false } }, axes: axes((n) => numberText(n, 1)), legend: { show: false }, cursor: { y: false },
      series: [{}, line('Calls', c.up), line('Puts', c.down)], hooks: { draw: [marks] },
    };
  }, [theme, axes, marks]);
  const profile = useCallback((): Omit<uPlot.Options, 'width' | 'height'> => {
    const c = palette(theme);
    const bars = (align: -1 | 1) => uPlot.paths.bars?.({ size: [0.38, 20], align });
    return {
      scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.05)] } }, axes: axes((n) => shortCount(n).replace('.00', '')), legend: { show: false }, cursor: { y: false },
      series: [
        {}, { label: 'Calls', stroke: c.up, fill: c.upSoft, width: 1, paths: bars(-1), points: { show: false } },
        { label: 'Puts', stroke: c.down, fill: c.downSoft, width: 1, paths: bars(1), points: { show: false } },
      ],
      hooks: { draw: [marks] },
    };
  }, [theme, axes, marks]);

  const strikes = useMemo(() => rows.map((r) => Number(r.strike)), [rows]);
  const percent = (iv: number | undefined) => (iv === undefined ? null : iv * 100);
  const volatility = useMemo((): uPlot.AlignedData => [strikes, rows.map((r) => percent(r.call?.iv)), rows.map((r) => percent(r.put?.iv))], [strikes, rows]);
  const interest = useMemo((): uPlot.AlignedData => [strikes, rows.map((r) => r.call?.oi ?? null), rows.map((r) => r.put?.oi ?? null)], [strikes, rows]);
  const key = (
    <span className="text-xs text-quiet"><span className="text-up">calls</span> · <span className="text-down">puts</span> · <span className="text-accent">forward</span> · <span className="text-warn">max pain</span></span>
  );
  return (
    <div className="border-t lg:border-t-0 lg:border-l lg:overflow-y-auto">
      <Panel title="Implied volatility, %" aside={key}><Plot make={smile} data={volatility} height={240} label="Implied volatility by strike" /></Panel>
      <Panel title="Open interest" className="border-t"><Plot make={profile} data={interest} height={240} label="Open interest by strike" /></Panel>
    </div>
  );
}
