import { useEffect } from 'react';
import type { Instrument } from '../../api/types';
import { Badge } from '../../components/Badge';
import { difference, digitsOf, percentChange } from '../../format/decimal';
import { priceText, signedPercent, signedPriceText } from '../../format/text';
import { dateClockSeconds } from '../../format/time';
import { dataStates } from '../../format/words';
import { useLive, useQuote } from '../../state/live';
import { useSettings } from '../../state/settings';

export function changeTone(change: string | undefined): string {
  const n = Number(change ?? 0);
  return n > 0 ? 'text-up' : n < 0 ? 'text-down' : 'text-quiet';
}

function WatchButton({ instrument }: { instrument: string }) {
  const isWatched = useSettings((s) => s.watchlist?.includes(instrument) ?? false);
  const { watch, unwatch } = useSettings.getState();
  return (
    <button type="button" aria-pressed={isWatched} title={isWatched ? 'Take off the watchlist' : 'Put on the watchlist'}
      aria-label={`${instrument} on the watchlist`} onClick={() => (isWatched ? unwatch : watch)(instrument)}
      className="rounded px-1 text-base leading-none text-quiet hover:text-ink aria-pressed:text-warn">
      <span aria-hidden>{isWatched ? '★' : '☆'}</span>
    </button>
  );
}

/// The price, and how far it can be trusted.
export function QuoteHeader({ instrument }: { instrument: Instrument }) {
  const { tick, state, error, direction, changes } = useQuote(instrument.key);
  const digits = digitsOf(instrument.tick_size);
  const change = difference(tick?.last, tick?.close);
  const known = state && dataStates[state];
  const isOpen = useLive((s) => s.connection.phase === 'open');
  const time = tick?.t_ex ?? tick?.t_rx;
  const last = priceText(tick?.last, digits);
  useEffect(() => { document.title = tick ? `${last} ${instrument.symbol} · artham` : `${instrument.key} · artham`; }, [tick, last, instrument]);
  return (
    <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-3 pt-2.5 pb-1">
      <div className="flex min-w-0 items-baseline gap-2">
        <h1 className="text-lg font-semibold whitespace-nowrap">{instrument.key}</h1>
        <WatchButton instrument={instrument.key} />
        {instrument.name !== instrument.symbol && <span className="truncate text-quiet">{instrument.name}</span>}
      </div>
      <div className="flex items-baseline gap-3">
        <output key={changes} data-testid="last" aria-live="off" aria-label="Last price"
          className={`rounded px-1 text-2xl font-semibold tracking-tight ${direction > 0 ? 'flash-up' : direction < 0 ? 'flash-down' : ''}`}>
          {last}
        </output>
        <span className={changeTone(change)} data-testid="change">
          {signedPriceText(change, digits)} ({signedPercent(percentChange(tick?.last, tick?.close))})
        </span>
      </div>
      <div className="flex items-baseline gap-3 text-quiet">
        {error ? <Badge tone="bad">{error.message}</Badge>
          : !isOpen ? <Badge tone="bad" title="The connection is lost: this is the last known price." testId="data-state">Not live</Badge> : known && <Badge tone={known.tone} title={known.help} testId="data-state">{known.text}</Badge>}
        {time !== undefined && <span data-testid="tick-time">{dateClockSeconds(time)}</span>}
      </div>
    </div>
  );
}
