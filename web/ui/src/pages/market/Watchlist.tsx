import { memo, useRef } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { usePalette } from '../../components/CommandPalette';
import { Panel } from '../../components/Panel';
import { pixelsOf } from '../../components/rem';
import { difference, percentChange } from '../../format/decimal';
import { priceText, shortCount, signedPercent } from '../../format/text';
import { dataStates, type Tone } from '../../format/words';
import { useChoice } from '../../state/choice';
import { useQuote } from '../../state/live';
import { useSettings } from '../../state/settings';
import { changeTone } from './QuoteHeader';

const dots: Record<Tone, string> = { good: 'bg-up', warn: 'bg-warn', bad: 'bg-down', quiet: 'bg-quiet' };

const Row = memo(function Row({ instrument, isChosen, onChoose, onRemove, onStep }: {
  instrument: string; isChosen: boolean; onChoose: (key: string) => void; onRemove: (key: string) => void;
  onStep: (key: string, by: number) => void;
}) {
  const { tick, state, error, direction, changes } = useQuote(instrument);
  const [exchange = '', symbol = ''] = [instrument.slice(0, instrument.indexOf(':')), instrument.slice(instrument.indexOf(':') + 1)];
  const known = state && dataStates[state];
  const change = difference(tick?.last, tick?.close);
  const says = error?.message ?? known?.text ?? 'Waiting';
  return (
    <tr data-key={instrument} aria-current={isChosen || undefined} onClick={() => onChoose(instrument)}
      className="group h-9 cursor-pointer hover:bg-hover aria-[current=true]:bg-accent-soft aria-[current=true]:shadow-[inset_2px_0_var(--accent)]">
      <th scope="row" className="max-w-0 pl-3 text-left font-normal">
        <button type="button" className="flex w-full items-center gap-2 text-left" title={error?.message ?? known?.help}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); onStep(instrument, e.key === 'ArrowDown' ? 1 : -1); }
            if (e.key === 'Delete') onRemove(instrument);
          }}>
          <span role="img" aria-label={says} data-testid="state" data-state={error ? 'refused' : state}
            className={`size-1.5 shrink-0 rounded-full ${error ? 'bg-down' : known ? dots[known.tone] : 'bg-line'}`} />
          <span className="truncate font-medium">{symbol}</span>
          {exchange !== 'NSE' && <span className="text-[.6875rem] text-quiet">{exchange}</span>}
          {state !== undefined && state !== 'live' && <span className="truncate text-[.6875rem] text-quiet">{says}</span>}
        </button>
      </th>
      <td key={changes} data-cell="last" className={`px-1 text-right ${direction > 0 ? 'flash-up' : direction < 0 ? 'flash-down' : ''}`}>
        {priceText(tick?.last)}
      </td>
      <td data-cell="change" className={`px-1 text-right ${changeTone(change)}`}>{signedPercent(percentChange(tick?.last, tick?.close))}</td>
      <td data-cell="volume" className="pr-3 pl-1 text-right text-quiet">{shortCount(tick?.volume)}</td>
    </tr>
  );
});

/// Live prices of what this browser watches. Arrow keys move, Delete takes away.
export function Watchlist() {
  const keys = useSettings((s) => s.watchlist) ?? [];
  const unwatch = useSettings((s) => s.unwatch);
  const openPalette = usePalette((p) => p.open);
  const choice = useChoice();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: keys.length, getScrollElement: () => scroller.current, estimateSize: () => pixelsOf(2.25), overscan: 8 });
  const shown = rows.getVirtualItems();
  const above = shown[0]?.start ?? 0;
  const below = rows.getTotalSize() - (shown.at(-1)?.end ?? 0);
  const step = useRef<(key: string, by: number) => void>(() => undefined);
  step.current = (key, by) => {
    const i = keys.indexOf(key) + by;
    const next = keys[i];
    if (next === undefined) return;
    choice.setInstrument(next);
    rows.scrollToIndex(i);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(next)}"] button`)?.focus());
  };
  const choose = useRef(choice.setInstrument);
  choose.current = choice.setInstrument;
  const onChoose = useRef((key: string) => choose.current(key)).current;
  const onStep = useRef((key: string, by: number) => step.current(key, by)).current;
  return (
    <Panel title="Watchlist" className="flex h-full flex-col" aside={
      <button type="button" className="text-quiet hover:text-ink" onClick={openPalette}>Add</button>
    }>
      <div ref={scroller} className="max-h-[60vh] min-h-0 flex-1 overflow-y-auto lg:max-h-none" tabIndex={0} aria-label="Watched instruments" role="region">
        <table className="w-full table-fixed border-collapse">
          <colgroup><col /><col className="w-[5.2rem]" /><col className="w-[4.3rem]" /><col className="w-[4.4rem]" /></colgroup>
          <thead className="sticky top-0 z-1 bg-ground text-[.6875rem] text-quiet">
            <tr>
              <th scope="col" className="py-1 pl-3 text-left font-normal">Instrument</th>
              <th scope="col" className="px-1 text-right font-normal">Last</th>
              <th scope="col" className="px-1 text-right font-normal">Change</th>
              <th scope="col" className="pr-3 pl-1 text-right font-normal">Volume</th>
            </tr>
          </thead>
          <tbody>
            {above > 0 && <tr aria-hidden style={{ height: above }} />}
            {shown.map(({ index }) => {
              const key = keys[index];
              return key === undefined ? null : (
                <Row key={key} instrument={key} isChosen={key === choice.instrument} onChoose={onChoose} onRemove={unwatch} onStep={onStep} />
              );
            })}
            {below > 0 && <tr aria-hidden style={{ height: below }} />}
          </tbody>
        </table>
        {keys.length === 0 && <p className="p-3 text-quiet">Nothing is watched. Press Ctrl K, choose an instrument, and star it.</p>}
      </div>
    </Panel>
  );
}
