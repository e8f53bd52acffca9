import type { Bar } from '../../api/types';
import { countText, priceText, shortCount, signedCountText } from '../../format/text';
import { date, dateClock, dateYear, clock } from '../../format/time';
import { flagNames } from '../../format/words';

/// Of the bar under the crosshair, else of the newest one.
export function Legend({ bar, timeframe, isIntraday, digits }: { bar: Bar | undefined; timeframe: string; isIntraday: boolean; digits: number }) {
  if (!bar) return null;
  const tone = Number(bar.close) >= Number(bar.open) ? 'text-up' : 'text-down';
  const facts: [string, string, string?][] = [
    ['O', priceText(bar.open, digits), tone], ['H', priceText(bar.high, digits), tone],
    ['L', priceText(bar.low, digits), tone], ['C', priceText(bar.close, digits), tone],
  ];
  if (bar.volume !== undefined) facts.push(['Vol', shortCount(bar.volume)]);
  // Where there is none it is told as 0.
  const hasInterest = (bar.oi ?? 0) !== 0 || (bar.oi_change ?? 0) !== 0;
  if (hasInterest && bar.oi !== undefined) facts.push(['OI', shortCount(bar.oi)]);
  if (hasInterest && bar.oi_change !== undefined) facts.push(['ΔOI', signedCountText(bar.oi_change)]);
  if (bar.vwap !== undefined) facts.push(['VWAP', priceText(Number(bar.vwap).toFixed(digits), digits)]);
  facts.push(['Ticks', countText(bar.ticks)]);
  return (
    <div data-testid="legend" className="pointer-events-none absolute top-1.5 left-3 z-2 flex max-w-[calc(100%-6rem)] flex-wrap gap-x-3 rounded bg-ground/75 px-1 text-xs">
      <span className="text-quiet">
        {timeframe} {isIntraday ? `${dateClock(bar.start)}–${clock(bar.end)}` : bar.end - bar.start > 90e9 ? `from ${dateYear(bar.start)}` : date(bar.start)}
      </span>
      {facts.map(([name, value, color = '']) => (
        <span key={name}><span className="text-quiet">{name}</span> <span className={color} data-fact={name}>{value}</span></span>
      ))}
      {!bar.final && <span className="text-accent">forming</span>}
      {bar.revision > 0 && <span className="text-warn">revision {bar.revision}</span>}
      {bar.flags.length > 0 && <span className="text-warn">{bar.flags.map((f) => flagNames[f]).join(', ')}</span>}
    </div>
  );
}
