import { useEffect, useMemo, useRef, useState } from 'react';
import type { Bar, Instrument, Timeframes } from '../../api/types';
import { MarketChart } from '../../chart/marketChart';
import { Notice } from '../../components/Notice';
import { Segments } from '../../components/Segments';
import { digitsOf } from '../../format/decimal';
import { BarFeed } from '../../market/barFeed';
import { lossesOf, type Loss, together } from '../../market/gaps';
import { useChoice } from '../../state/choice';
import { stream, useLive } from '../../state/live';
import { useGaps } from '../../state/queries';
import { useSettings } from '../../state/settings';
import { palette, useTheme } from '../../state/theme';
import { Legend } from './Legend';
import { useProof } from '../../state/proof';
import { useChartFacts } from '../../state/chartFacts';

const indicators: Record<string, string> = {
  'sma:20': 'SMA 20', 'ema:9': 'EMA 9', 'vwap:2': 'VWAP ±2σ', 'rsi:14': 'RSI 14', 'atr:14': 'ATR 14',
};

function Indicators({ isIntraday }: { isIntraday: boolean }) {
  const chosen = useSettings((s) => s.indicators);
  const toggle = useSettings((s) => s.toggleIndicator);
  return (
    <div role="group" aria-label="Indicators" className="flex flex-wrap gap-1">
      {Object.entries(indicators).filter(([id]) => isIntraday || !id.startsWith('vwap')).map(([id, name]) => (
        <button key={id} type="button" aria-pressed={chosen.includes(id)} onClick={() => toggle(id)}
          className="rounded border border-transparent px-1.5 py-0.5 text-xs text-quiet hover:text-ink aria-pressed:border-line aria-pressed:bg-hover aria-pressed:text-ink">
          {name}
        </button>
      ))}
    </div>
  );
}

/// Minutes, hours and event bars begin within a day; days and longer do not.
function isIntradayFrame(timeframe: string): boolean { return !/^\d+[DWMY]$/.test(timeframe); }

export function ChartView({ instrument, timeframe, frames }: { instrument: Instrument; timeframe: string; frames: Timeframes }) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<MarketChart | null>(null);
  const feed = useRef<BarFeed | null>(null);
  const theme = useTheme();
  const choice = useChoice();
  const [hovered, setHovered] = useState<Bar>();
  const [newest, setNewest] = useState<Bar>();
  const [trouble, setTrouble] = useState('');
  const [isEmpty, setEmpty] = useState(true);
  const [isFollowing, setFollowing] = useState(true);
  const [own, setOwn] = useState<Loss[]>([]);
  const isIntraday = isIntradayFrame(timeframe);
  const all = useMemo(() => [...frames.timeframes, ...frames.periods], [frames]);

  useEffect(() => {
    if (!element.current) return;
    const drawn = new MarketChart(element.current, palette(theme), {
      hover: setHovered,
      choose: (bar) => { if (bar.final && frames.timeframes.includes(timeframe)) useProof.getState().ask(instrument.key, timeframe, bar); },
      older: () => { void fed.loadOlder(); },
      follows: setFollowing,
    });
    drawn.setInstrument(digitsOf(instrument.tick_size), Number(instrument.tick_size) || 0.01, isIntraday, timeframe.endsWith('s'));
    const facts = useChartFacts.getState();
    facts.begin(instrument.key, timeframe);
    const fed: BarFeed = new BarFeed(stream, instrument.key, timeframe, frames.timeframes.includes(timeframe), {
      bars: (change) => {
        drawn.setBars(fed.series.all, change);
        const { newest: end } = fed.series;
        setNewest(end);
        setHovered((bar) => (bar !== undefined && bar.start === end?.start ? end : bar));
        setEmpty(fed.series.all.length === 0);
        facts.setBars(fed.series.all);
      },
      loss: (loss) => setOwn((before) => [loss, ...before]),
      trouble: setTrouble,
      indicators: () => drawn.setIndicators(fed.indicators),
    });
    chart.current = drawn;
    feed.current = fed;
    return () => {
      fed.close();
      drawn.close();
      chart.current = null;
      feed.current = null;
    };
    // One chart for as long as the instrument and the timeframe are the same; colours and losses follow below.
  }, [instrument.key, timeframe]);

  useEffect(() => { chart.current?.setColors(palette(theme)); }, [theme]);

  const stored = useGaps().data;
  const pushed = useLive((s) => s.losses);
  const losses = useMemo(
    () => together(lossesOf(stored?.gaps ?? [], instrument.token), [...pushed, ...own]), [stored, pushed, own, instrument.token],
  );
  useEffect(() => {
    chart.current?.setLosses(losses);
    useChartFacts.getState().setLosses(losses);
  }, [losses]);

  const chosen = useSettings((s) => s.indicators);
  const hasBars = !isEmpty;
  useEffect(() => {
    if (hasBars) void feed.current?.showIndicators(isIntraday ? chosen : chosen.filter((i) => !i.startsWith('vwap')));
  }, [chosen, hasBars, isIntraday]);

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 px-3 pb-1.5">
        <Segments label="Timeframe" values={all} value={timeframe} onChange={choice.setTimeframe} />
        <Indicators isIntraday={isIntraday} />
      </div>
      <div className="relative h-[58vh] min-h-0 border-t lg:h-auto lg:flex-1">
        <div ref={element} className="absolute inset-0" data-testid="chart" role="img"
          aria-label={newest ? `${instrument.key} ${timeframe} candles; the newest closes at ${newest.close}` : `${instrument.key} ${timeframe}`} />
        <Legend bar={hovered ?? newest} timeframe={timeframe} isIntraday={isIntraday} digits={digitsOf(instrument.tick_size)} />
        {trouble && <div className="absolute inset-x-0 top-1/3 z-2"><Notice isError>{trouble}</Notice></div>}
        {isEmpty && !trouble && <div className="absolute inset-0 z-2"><Notice>No bars yet. They appear with the first ticks.</Notice></div>}
        {!isFollowing && (
          <button type="button" onClick={() => chart.current?.toNewest()}
            className="absolute right-20 bottom-10 z-3 rounded-md border bg-raised px-2.5 py-1 shadow-(--shadow) hover:bg-hover">
            To the newest bar
          </button>
        )}
      </div>
    </div>
  );
}
