import { create } from 'zustand';
import { persist } from 'zustand/middleware';

export type Theme = 'system' | 'dark' | 'light';
export type ChainColumns = 'prices' | 'greeks';

interface Settings {
  theme: Theme;
  /// Keys such as `NSE:INFY`, in the order of the list; null until the first ones are known.
  watchlist: string[] | null;
  /// What was looked at last.
  instrument: string | null;
  timeframe: string | null;
  indicators: string[];
  chainColumns: ChainColumns;
  setTheme(theme: Theme): void;
  setWatchlist(keys: string[]): void;
  watch(key: string): void;
  unwatch(key: string): void;
  look(instrument: string, timeframe: string): void;
  toggleIndicator(name: string): void;
  setChainColumns(columns: ChainColumns): void;
}

/// What this browser remembers.
export const useSettings = create<Settings>()(persist((set) => ({
  theme: 'system',
  watchlist: null,
  instrument: null,
  timeframe: null,
  indicators: [],
  chainColumns: 'prices',
  setTheme: (theme) => set({ theme }),
  setWatchlist: (watchlist) => set({ watchlist }),
  watch: (key) => set((s) => (s.watchlist?.includes(key) ? {} : { watchlist: [...(s.watchlist ?? []), key] })),
  unwatch: (key) => set((s) => ({ watchlist: (s.watchlist ?? []).filter((k) => k !== key) })),
  look: (instrument, timeframe) => set({ instrument, timeframe }),
  toggleIndicator: (name) => set((s) => ({
    indicators: s.indicators.includes(name) ? s.indicators.filter((i) => i !== name) : [...s.indicators, name],
  })),
  setChainColumns: (chainColumns) => set({ chainColumns }),
}), { name: 'artham', version: 1 }));
