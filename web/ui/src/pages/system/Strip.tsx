import { useCallback, useMemo } from 'react';
import type uPlot from 'uplot';
import { Plot } from '../../components/Plot';
import { numberText, shortCount } from '../../format/text';
import { palette, useTheme } from '../../state/theme';

/// A figure over the last minutes, with its newest value.
export function Strip({ title, times, values, unit, digits = 0 }: {
  title: string; times: readonly number[]; values: readonly (number | null)[]; unit: string; digits?: number;
}) {
  const theme = useTheme();
  const make = useCallback((): Omit<uPlot.Options, 'width' | 'height'> => {
    const c = palette(theme);
    return {
      legend: { show: false }, cursor: { show: false }, padding: [6, 0, 0, 0],
      scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max(1, (max || 0) * 1.15)] } },
      axes: [{ show: false }, { show: false }],
      series: [{}, { stroke: c.accent, width: 1.5, fill: c.grid, points: { show: false } }],
    };
  }, [theme]);
  const data = useMemo((): uPlot.AlignedData => [[...times], [...values]], [times, values]);
  const newest = values.at(-1);
  const text = newest === null || newest === undefined ? '–' : digits > 0 ? numberText(newest, digits) : shortCount(newest);
  return (
    <figure className="min-w-0 border-line">
      <figcaption className="flex items-baseline justify-between gap-2 px-3 pt-2">
        <span className="text-quiet">{title}</span>
        <span><span className="text-[.9375rem] font-semibold" data-fact={title}>{text}</span> <span className="text-quiet">{unit}</span></span>
      </figcaption>
      <Plot make={make} data={data} height={54} label={`${title} over the last minutes`} />
    </figure>
  );
}
