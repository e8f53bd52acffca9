import { useEffect, useRef } from 'react';
import { useQuery } from '@tanstack/react-query';
import { get, RestError } from '../../api/rest';
import type { Proof as Proven } from '../../api/types';
import { Badge } from '../../components/Badge';
import { countText, priceText } from '../../format/text';
import { clockSeconds, dateClock } from '../../format/time';
import { type AskedProof, useProof } from '../../state/proof';

const shownTicks = 1_000;

function Verdict({ proof }: { proof: Proven }) {
  if (proof.equal) {
    return <Badge tone="good" testId="verdict">Made again from {countText(proof.ticks.length)} journaled ticks: equal in every column.</Badge>;
  }
  return (
    <>
      <Badge tone="bad" testId="verdict">Made again from {countText(proof.ticks.length)} journaled ticks, it differs:</Badge>
      <table className="mt-1 w-full border-collapse">
        <thead className="text-[.6875rem] text-quiet"><tr>{['Column', 'Stored', 'Made again'].map((h) => <th key={h} scope="col" className="pr-3 text-left font-normal">{h}</th>)}</tr></thead>
        <tbody>{proof.differences.map((d) => <tr key={d.column}><td className="pr-3">{d.column}</td><td className="pr-3">{d.stored}</td><td>{d.recomputed}</td></tr>)}</tbody>
      </table>
    </>
  );
}

function Ticks({ ticks }: { ticks: Proven['ticks'] }) {
  return (
    <div className="max-h-[46vh] overflow-auto border-t" tabIndex={0} role="region" aria-label="Ticks">
      <table className="w-full border-collapse">
        <thead className="sticky top-0 bg-raised text-[.6875rem] text-quiet">
          <tr>
            {['Position', 'Exchange', 'Received'].map((h) => <th key={h} scope="col" className="px-3 py-1 text-left font-normal">{h}</th>)}
            {['Price', 'Volume of the day', 'Counted'].map((h) => <th key={h} scope="col" className="px-3 py-1 text-right font-normal">{h}</th>)}
            <th scope="col" className="px-3 py-1 text-left font-normal">Fate</th>
          </tr>
        </thead>
        <tbody>
          {ticks.slice(0, shownTicks).map((t) => (
            <tr key={`${t.epoch} ${t.seq}`} className="border-t">
              <td className="px-3 py-0.5 text-quiet">{t.epoch}.{t.seq}</td><td className="px-3">{clockSeconds(t.t_ex)}</td><td className="px-3">{clockSeconds(t.t_rx)}</td>
              <td className="px-3 text-right">{priceText(t.last)}</td><td className="px-3 text-right">{countText(t.volume)}</td>
              <td className="px-3 text-right">{countText(t.counted)}</td><td className={`px-3 ${t.fate === 'used' ? 'text-quiet' : 'text-warn'}`}>{t.fate.replaceAll('_', ' ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {ticks.length > shownTicks && <p className="px-3 py-1 text-quiet">and {countText(ticks.length - shownTicks)} more</p>}
    </div>
  );
}

function Open({ asked, close }: { asked: AskedProof; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const proof = useQuery({
    queryKey: ['proof', asked],
    queryFn: ({ signal }) => get<Proven>('/v1/bars/proof', { ...asked }, signal),
    retry: (times, error) => times < 3 && !(error instanceof RestError && error.status >= 400 && error.status < 500),
  });
  useEffect(() => {
    const d = dialog.current;
    d?.showModal();
    return () => d?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-label="Proof of a bar" onClose={() => { if (!dialog.current?.open) close(); }} onClick={(e) => { if (e.target === dialog.current) close(); }}
      className="m-auto max-h-[86vh] w-[min(54rem,calc(100vw-24px))] rounded-xl border bg-raised p-0 text-ink shadow-(--shadow) backdrop:bg-black/40">
      <header className="flex items-baseline gap-3 px-4 pt-3 pb-2">
        <h2 className="font-semibold">{asked.instrument} {asked.timeframe}, {dateClock(asked.start)}</h2>
        {asked.revision > 0 && <span className="text-warn">revision {asked.revision}</span>}
        <button type="button" className="ml-auto rounded px-2 text-quiet hover:bg-hover hover:text-ink" onClick={close}>Close</button>
      </header>
      <div className="px-4 pb-3" role="status">
        {proof.isPending && <span className="text-quiet">Its ticks are read from the journal</span>}
        {proof.isError && <span className="text-down">{proof.error.message}</span>}
        {proof.data && <Verdict proof={proof.data} />}
      </div>
      {proof.data && <Ticks ticks={proof.data.ticks} />}
    </dialog>
  );
}

/// A stored bar, made again from its journaled ticks.
export function Proof() {
  const { asked, close } = useProof();
  return asked && <Open key={JSON.stringify(asked)} asked={asked} close={close} />;
}
