import { create } from 'zustand';
import type { Bar } from '../api/types';

export interface AskedProof { instrument: string; timeframe: string; start: number; revision: number }

interface ProofState { asked: AskedProof | null; ask(instrument: string, timeframe: string, bar: Bar): void; close(): void }

/// The bar whose proof is looked at.
export const useProof = create<ProofState>()((set) => ({
  asked: null,
  ask: (instrument, timeframe, bar) => set({ asked: { instrument, timeframe, start: bar.start, revision: bar.revision } }),
  close: () => set({ asked: null }),
}));
