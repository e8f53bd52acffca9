import { create } from 'zustand';
import type { Bar } from '../api/types';
import type { Loss } from '../market/gaps';

interface ChartFacts {
  instrument: string;
  timeframe: string;
  /// How many bars the chart has.
  count: number;
  /// Bars with flags or revisions, newest first.
  doubtful: Bar[];
  losses: readonly Loss[];
  newestFinal: Bar | null;
  begin(instrument: string, timeframe: string): void;
  setBars(bars: readonly Bar[]): void;
  setLosses(losses: readonly Loss[]): void;
}

function same(a: readonly Bar[], b: readonly Bar[]): boolean {
  return a.length === b.length && a.every((bar, i) => bar.start === b[i]?.start && bar.revision === b[i]?.revision
    && bar.flags.join() === b[i]?.flags.join());
}

/// What of the chart's data others show: who stands beside the chart does not read it again.
export const useChartFacts = create<ChartFacts>()((set) => ({
  instrument: '', timeframe: '', count: 0, doubtful: [], losses: [], newestFinal: null,
  begin: (instrument, timeframe) => set({ instrument, timeframe, count: 0, doubtful: [], losses: [], newestFinal: null }),
  setBars: (bars) => set((s) => {
    const doubtful = bars.filter((b) => b.flags.length > 0 || b.revision > 0).reverse();
    return { newestFinal: bars.findLast((b) => b.final) ?? null, count: bars.length, doubtful: same(doubtful, s.doubtful) ? s.doubtful : doubtful };
  }),
  setLosses: (losses) => set({ losses }),
}));
