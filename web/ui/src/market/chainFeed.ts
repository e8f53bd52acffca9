import type { Chain, Option } from '../api/types';
import type { KeyHandler } from '../stream/client';
import type { DataState, KeyEvent, StreamError, SubAnswer } from '../stream/protocol';

/// What is known of a chain now.
export interface ChainNow { chain?: Chain; state?: DataState; error?: StreamError }

/// The newest of what is pushed, told once a frame.
export class ChainFeed implements KeyHandler {
  private now: ChainNow = {};
  private isDue = false;
  private isOver = false;

  constructor(private readonly tell: (now: ChainNow) => void, private readonly nextFrame: (run: () => void) => void) {}

  close(): void { this.isOver = true; }

  snapshot(answer: SubAnswer): void {
    this.set({ state: answer.state, error: undefined, ...answer.snapshot.chain ? { chain: answer.snapshot.chain } : {} });
  }
  push(event: KeyEvent): void {
    if (event.ev === 'chain') this.set({ chain: event.chain });
    if (event.ev === 'state') this.set({ state: event.state });
  }
  refused(error: StreamError): void { this.set({ error }); }

  private set(some: ChainNow): void {
    this.now = { ...this.now, ...some };
    if (this.isDue) return;
    this.isDue = true;
    this.nextFrame(() => {
      this.isDue = false;
      if (!this.isOver) this.tell(this.now);
    });
  }
}

export interface StrikeRow { strike: string; call?: Option; put?: Option }

/// A row for each strike, the lowest first.
export function strikesOf(chain: Chain): StrikeRow[] {
  const rows = new Map<string, StrikeRow>();
  for (const option of chain.options) {
    const row = rows.get(option.strike) ?? { strike: option.strike };
    row[option.type === 'CE' ? 'call' : 'put'] = option;
    rows.set(option.strike, row);
  }
  return [...rows.values()].sort((a, b) => Number(a.strike) - Number(b.strike));
}
