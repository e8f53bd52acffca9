import { useEffect, useMemo, useRef, useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { create } from 'zustand';
import { useSearch, useTimeframes } from '../state/queries';
import { useSettings } from '../state/settings';
import { useChoice } from '../state/choice';
import { useChartFacts } from '../state/chartFacts';
import { useProof } from '../state/proof';

interface Item { id: string; name: string; detail: string; kind: string; run: () => void }

interface PaletteState { isOpen: boolean; open(): void; close(): void }
export const usePalette = create<PaletteState>()((set) => ({
  isOpen: false, open: () => set({ isOpen: true }), close: () => set({ isOpen: false }),
}));

function useCommands(): Item[] {
  const navigate = useNavigate();
  const settings = useSettings();
  const choice = useChoice();
  const frames = useTimeframes().data;
  return useMemo(() => {
    const items: Item[] = [
      { id: 'go-market', name: 'Go to the market', detail: 'watchlist and chart', kind: 'Page', run: () => { void navigate({ to: '/' }); } },
      { id: 'go-chain', name: 'Go to option chains', detail: 'strikes, Greeks, open interest', kind: 'Page', run: () => { void navigate({ to: '/chain' }); } },
      { id: 'go-system', name: 'Go to the system', detail: 'feed, lags, supervisors', kind: 'Page', run: () => { void navigate({ to: '/system' }); } },
    ];
    for (const theme of ['dark', 'light', 'system'] as const)
      items.push({ id: `theme-${theme}`, name: `Theme: ${theme}`, detail: '', kind: 'Setting', run: () => settings.setTheme(theme) });
    for (const name of [...frames?.timeframes ?? [], ...frames?.periods ?? []])
      items.push({ id: `timeframe-${name}`, name: `Timeframe ${name}`, detail: '', kind: 'Chart', run: () => choice.setTimeframe(name) });
    const key = choice.instrument;
    if (key && settings.watchlist?.includes(key))
      items.push({ id: 'unwatch', name: `Take ${key} off the watchlist`, detail: '', kind: 'Watchlist', run: () => settings.unwatch(key) });
    else if (key)
      items.push({ id: 'watch', name: `Put ${key} on the watchlist`, detail: '', kind: 'Watchlist', run: () => settings.watch(key) });
    const newest = useChartFacts.getState().newestFinal;
    if (key && newest) items.push({
      id: 'prove', name: 'Prove the newest finished bar', detail: '', kind: 'Chart',
      run: () => { choice.setInstrument(key); useProof.getState().ask(key, choice.timeframe, newest); },
    });
    return items;
  }, [navigate, settings, choice, frames]);
}

/// Everything by keyboard: instruments by any word of their key or name, pages, timeframes, settings.
export function CommandPalette() {
  const { isOpen, close } = usePalette();
  return isOpen ? <Open close={close} /> : null;
}

function Open({ close }: { close: () => void }) {
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const choice = useChoice();
  const commands = useCommands();
  const asked = words.trim();
  const search = useSearch(asked, 50);

  useEffect(() => {
    const d = dialog.current;
    d?.showModal();
    return () => d?.close();
  }, []);

  const items = useMemo(() => {
    const wanted = asked.toLowerCase().split(/\s+/).filter((w) => w !== '');
    const some = commands.filter((c) => wanted.length > 0 && wanted.every((w) => `${c.name} ${c.kind}`.toLowerCase().includes(w)));
    const found: Item[] = (search.data?.instruments ?? []).map((i) => ({
      id: i.key, name: i.key, detail: i.name === i.symbol ? '' : i.name, kind: i.expiry ?? i.type,
      run: () => choice.setInstrument(i.key),
    }));
    return wanted.length === 0 ? [...found.slice(0, 12), ...commands] : [...some.slice(0, 6), ...found];
  }, [asked, commands, search.data, choice]);
  const chosen = Math.min(at, items.length - 1);
  useEffect(() => { list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' }); }, [chosen]);

  const pick = (item: Item | undefined) => {
    if (!item) return;
    close();
    item.run();
  };
  const total = search.data?.total;
  return (
    <dialog ref={dialog} onClose={() => { if (!dialog.current?.open) close(); }} onClick={(e) => { if (e.target === dialog.current) close(); }} aria-label="Search and commands"
      className="mx-auto mt-[12vh] w-[min(620px,calc(100vw-24px))] rounded-xl border bg-raised p-0 text-ink shadow-(--shadow) backdrop:bg-black/40">
      <input autoFocus value={words} onChange={(e) => { setWords(e.target.value); setAt(0); }} placeholder="Instrument, page, timeframe…"
        role="combobox" aria-expanded aria-controls="palette-items" aria-autocomplete="list" aria-label="Search instruments and commands"
        aria-activedescendant={items[chosen] ? `palette-${chosen}` : undefined} autoComplete="off" spellCheck={false}
        className="w-full border-b bg-transparent px-4 py-3 text-[.9375rem] outline-none placeholder:text-quiet"
        onKeyDown={(e) => {
          const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[e.key];
          if (step !== undefined && items.length > 0) {
            e.preventDefault();
            setAt(Math.max(0, Math.min(items.length - 1, chosen + step)));
          }
          if (e.key === 'Enter') { e.preventDefault(); pick(items[chosen]); }
        }} />
      <ul id="palette-items" ref={list} role="listbox" aria-label="Found" className="max-h-[52vh] overflow-y-auto p-1.5">
        {items.map((item, i) => (
          <li key={item.id} id={`palette-${i}`} role="option" aria-selected={i === chosen} onPointerMove={() => setAt(i)} onClick={() => pick(item)}
            className="flex items-baseline gap-3 rounded-md px-2.5 py-1.5 aria-selected:bg-hover">
            <span className="font-medium whitespace-nowrap">{item.name}</span>
            <span className="min-w-0 flex-1 truncate text-quiet">{item.detail}</span>
            <span className="text-xs whitespace-nowrap text-quiet">{item.kind}</span>
          </li>
        ))}
      </ul>
      <p role="status" className="flex justify-between gap-4 border-t px-4 py-1.5 text-xs text-quiet">
        <span>
          {search.isError ? search.error.message : items.length === 0 && !search.isFetching ? 'Nothing found'
            : total !== undefined ? `${total.toLocaleString('en-IN')} instruments` : ''}
        </span>
        <span className="hidden sm:inline">↑ ↓ choose · Enter go · Esc close</span>
      </p>
    </dialog>
  );
}
