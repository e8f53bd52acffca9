import { useCallback, useEffect } from 'react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { get } from '../../api/rest';
import type { Bars } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Notice } from '../../components/Notice';
import { Segments } from '../../components/Segments';
import { clockSeconds, expiryText } from '../../format/time';
import { dataStates } from '../../format/words';
import { useLive } from '../../state/live';
import { useChoice } from '../../state/choice';
import { useChains } from '../../state/queries';
import { type ChainColumns, useSettings } from '../../state/settings';
import { ChainPlots } from './ChainPlots';
import { columnSets } from './columns';
import { StrikeTable } from './StrikeTable';
import { Summary } from './Summary';
import { useChain, useNearest } from './useChain';

const columnNames: Record<ChainColumns, string> = { prices: 'Prices', greeks: 'Greeks' };

/// A living option chain: strikes, calls and puts, volatility, Greeks, open interest.
export function ChainPage() {
  const asked = useSearch({ from: '/chain' });
  const navigate = useNavigate();
  const choice = useChoice();
  const chains = useChains();
  const { chainColumns, setChainColumns } = useSettings();
  const isOpen = useLive((s) => s.connection.phase === 'open');
  const all = chains.data?.chains ?? [];
  const known = all.find((c) => c.underlying === asked.u) ?? all.find((c) => c.underlying === 'NIFTY') ?? all[0];
  const nearest = useNearest(known?.underlying);
  const expiry = known?.expiries.find((e) => e === asked.e) ?? nearest.data;
  const { chain, state, error } = useChain(known?.underlying, expiry);
  const shown = chain && chain.underlying === known?.underlying && chain.expiry === expiry ? chain : undefined;

  useEffect(() => { document.title = known && expiry ? `${known.underlying} ${expiryText(expiry)} · artham` : 'Options · artham'; }, [known, expiry]);
  const go = (u: string, e?: string) => void navigate({ to: '/chain', search: { u, e } });
  const { setInstrument } = choice;
  const onOpen = useCallback((token: number) => {
    // What a token is called is for the server to say.
    void get<Bars>('/v1/bars', { instrument: token, timeframe: '1m', limit: 1 }).then((b) => setInstrument(b.instrument));
  }, [setInstrument]);

  if (chains.isError) return <Notice isError>{chains.error.message}</Notice>;
  if (chains.isPending) return <Notice>Loading</Notice>;
  if (!known) return <Notice>No option has ticked yet. Chains appear with the first ticks.</Notice>;
  const words = state && dataStates[state];
  return (
    <div className="living flex h-full flex-col overflow-y-auto lg:overflow-hidden">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-b px-3 py-2">
        <h1 className="sr-only">Option chain of {known.underlying}</h1>
        <Segments label="Underlying" values={all.map((c) => c.underlying)} value={known.underlying} onChange={(u) => go(u)} />
        <Segments label="Expiry" values={known.expiries} value={expiry ?? ''} onChange={(e) => go(known.underlying, e)} text={expiryText} />
        <Segments label="Columns" values={['prices', 'greeks'] as const} value={chainColumns} onChange={setChainColumns} text={(c) => columnNames[c]} />
        <span className="ml-auto flex items-center gap-3 text-quiet">
          {!isOpen && <Badge tone="bad" testId="data-state">Not live</Badge>}
          {isOpen && words && <Badge tone={words.tone} title={words.help} testId="data-state">{words.text}</Badge>}
          {shown && <span data-testid="chain-time" data-t={shown.t} data-final={shown.final}>{clockSeconds(shown.t)}</span>}
        </span>
      </div>
      {error && <Notice isError>{error.message}</Notice>}
      {!shown && !error && <Notice>Loading {known.underlying} {expiry === undefined ? '' : expiryText(expiry)}</Notice>}
      {shown && (
        <>
          <Summary chain={shown} />
          {shown.state !== 'ok' && <p role="status" className="bg-warn-soft px-3 py-1 text-warn">This chain is not valued: {shown.state.replaceAll('_', ' ')}.</p>}
          <div className="flex shrink-0 flex-col lg:grid lg:min-h-0 lg:flex-1 lg:shrink lg:grid-cols-[minmax(0,1fr)_22rem] xl:grid-cols-[minmax(0,1fr)_26rem]">
            <div className="flex h-[62vh] flex-col lg:h-auto lg:min-h-0"><StrikeTable chain={shown} columns={columnSets[chainColumns]} onOpen={onOpen} /></div>
            <ChainPlots chain={shown} />
          </div>
        </>
      )}
    </div>
  );
}
