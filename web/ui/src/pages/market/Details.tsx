import type { ReactNode } from 'react';
import type { Bar, Instrument } from '../../api/types';
import { Panel } from '../../components/Panel';
import { digitsOf } from '../../format/decimal';
import { countText, nothing, priceText } from '../../format/text';
import { clockSeconds, dateClock, dateClockSeconds, durationText, expiryText, zoneName } from '../../format/time';
import { causeName, flagNames } from '../../format/words';
import { useQuote } from '../../state/live';
import type { Level } from '../../stream/protocol';
import { useChartFacts } from '../../state/chartFacts';
import { useProof } from '../../state/proof';

const shownTroubles = 14;

function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 px-3 pb-2">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-quiet">{name}</dt>
          <dd className="text-right" data-fact={name}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Depth({ bids, offers, digits }: { bids: Level[]; offers: Level[]; digits: number }) {
  const most = Math.max(1, ...[...bids, ...offers].map((l) => l.quantity));
  const bar = (level: Level | undefined, side: 'left' | 'right', color: string) => ({
    background: level ? `linear-gradient(to ${side}, ${color} ${level.quantity / most * 100}%, transparent 0)` : undefined,
  });
  return (
    <table className="w-full border-collapse">
      <thead className="text-[.6875rem] text-quiet">
        <tr>
          <th scope="col" className="pl-3 text-left font-normal">Qty</th><th scope="col" className="px-1.5 text-right font-normal">Bid</th>
          <th scope="col" className="px-1.5 text-left font-normal">Offer</th><th scope="col" className="pr-3 text-right font-normal">Qty</th>
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: Math.max(bids.length, offers.length) }, (_, i) => {
          const [bid, offer] = [bids[i], offers[i]];
          return (
            <tr key={i}>
              <td className="pl-3 text-quiet">{bid ? countText(bid.quantity) : ''}</td>
              <td className="px-1.5 text-right text-up" style={bar(bid, 'left', 'var(--up-soft)')}>{bid ? priceText(bid.price, digits) : ''}</td>
              <td className="px-1.5 text-left text-down" style={bar(offer, 'right', 'var(--down-soft)')}>{offer ? priceText(offer.price, digits) : ''}</td>
              <td className="pr-3 text-right text-quiet">{offer ? countText(offer.quantity) : ''}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface Trouble { at: number; what: string; when: string; size: string; bar?: Bar }

function ProveButton({ bar }: { bar: Bar }) {
  const { instrument, timeframe } = useChartFacts.getState();
  return (
    <button type="button" className="text-xs text-accent hover:underline" aria-label={`Prove the bar of ${dateClock(bar.start)}`}
      onClick={() => useProof.getState().ask(instrument, timeframe, bar)}>
      prove
    </button>
  );
}

function Quality() {
  const { losses, doubtful, timeframe, count } = useChartFacts();
  const troubles: Trouble[] = [
    ...losses.map((l) => (l.to === Infinity
      ? { at: l.from, what: causeName(l.cause), when: `since ${dateClockSeconds(l.from)}`, size: 'open' }
      : { at: l.from, what: causeName(l.cause), when: `${dateClockSeconds(l.from)} to ${clockSeconds(l.to)}`, size: durationText(l.to - l.from) })),
    ...doubtful.map((b) => ({
      at: b.start, what: [...b.flags.map((f) => flagNames[f]), ...b.revision > 0 ? [`revision ${b.revision}`] : []].join(', '),
      when: `bar of ${dateClock(b.start)}`, size: timeframe, bar: b.final ? b : undefined,
    })),
  ].sort((a, b) => b.at - a.at);
  return (
    <Panel title="Data quality" className="border-t" aside={<span className="text-xs text-quiet" data-testid="bar-count">{countText(count)} bars</span>}>
      {troubles.length === 0 && <p className="px-3 pb-3 text-quiet">No gaps, no flagged bars.</p>}
      <ul className="grid gap-1.5 px-3 pb-3" data-testid="quality">
        {troubles.slice(0, shownTroubles).map((t) => (
          <li key={`${t.at} ${t.what}`} className="grid grid-cols-[1fr_auto] gap-x-2 border-l-2 border-warn pl-2">
            <span>{t.what}</span><span className="text-quiet">{t.size}</span>
            <span className="text-xs text-quiet">{t.when}</span>
            {t.bar ? <ProveButton bar={t.bar} /> : <span />}
          </li>
        ))}
        {troubles.length > shownTroubles && <li className="text-quiet">and {countText(troubles.length - shownTroubles)} more</li>}
      </ul>
    </Panel>
  );
}

/// The day, the book, and what is doubtful about the data.
export function Details({ instrument }: { instrument: Instrument }) {
  const { tick } = useQuote(instrument.key);
  const digits = digitsOf(instrument.tick_size);
  const price = (text: string | undefined) => priceText(text, digits);
  const facts: [string, ReactNode][] = ([
    ['Open', tick?.open, price(tick?.open)], ['High', tick?.high, price(tick?.high)], ['Low', tick?.low, price(tick?.low)],
    ['Previous close', tick?.close, price(tick?.close)], ['Average', tick?.average, price(tick?.average)],
    ['Volume', tick?.volume, countText(tick?.volume)],
    ['Open interest', tick?.oi === 0 ? undefined : tick?.oi, countText(tick?.oi)],
    ['To buy', tick?.buy_quantity, countText(tick?.buy_quantity)], ['To sell', tick?.sell_quantity, countText(tick?.sell_quantity)],
    ['Expiry', instrument.expiry, expiryText(instrument.expiry ?? '')], ['Strike', instrument.strike, price(instrument.strike)],
    ['Lot', instrument.lot_size > 1 ? instrument.lot_size : undefined, countText(instrument.lot_size)],
  ] as [string, unknown, string][]).filter(([, known]) => known !== undefined).map(([name, , shown]) => [name, shown]);
  const hasBook = (tick?.bids?.length ?? 0) + (tick?.offers?.length ?? 0) > 0;
  return (
    <aside aria-label="Details" className="order-3 shrink-0 border-t bg-panel lg:order-none lg:col-span-2 lg:max-h-64 lg:overflow-y-auto xl:col-span-1 xl:max-h-none xl:border-t-0 xl:border-l" tabIndex={0}>
      <Panel title="Day" aside={<span className="text-xs text-quiet">{zoneName()}</span>}>
        <Facts facts={facts.length > 0 ? facts : [['Volume', nothing]]} />
      </Panel>
      {hasBook && <Panel title="Depth" className="border-t pb-2"><Depth bids={tick?.bids ?? []} offers={tick?.offers ?? []} digits={digits} /></Panel>}
      <Quality />
    </aside>
  );
}
