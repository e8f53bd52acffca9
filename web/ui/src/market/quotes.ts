import type { KeyHandler, StreamClient } from '../stream/client';
import type { DataState, KeyEvent, StreamError, SubAnswer, Tick } from '../stream/protocol';

/// What is known of an instrument now.
export interface Quote {
  readonly tick?: Tick;
  readonly state?: DataState;
  readonly error?: StreamError;
  /// Of the last change of the price.
  readonly direction: -1 | 0 | 1;
  /// Changes of the price so far: what flashes is keyed by it.
  readonly changes: number;
}

const unknown: Quote = { direction: 0, changes: 0 };
const policy = { every_ms: 100 };

/// Shares one subscription of an instrument's ticks among all who watch it, and tells them once a frame.
export class QuoteHub {
  private readonly watched = new Map<string, Watched>();
  private readonly changed = new Set<Watched>();
  private isDue = false;

  constructor(
    private readonly client: Pick<StreamClient, 'subscribe'>,
    private readonly nextFrame: (run: () => void) => void = (run) => { requestAnimationFrame(run); },
    private readonly onTick: (tick: Tick) => void = () => undefined,
  ) {}

  get(instrument: string): Quote { return this.watched.get(instrument)?.quote ?? unknown; }

  watch(instrument: string, tell: () => void): () => void {
    let w = this.watched.get(instrument);
    if (!w) {
      w = new Watched((changed) => this.later(changed), this.onTick);
      w.stop = this.client.subscribe(`tick:${instrument}`, { policy }, w);
      this.watched.set(instrument, w);
    }
    w.tell.add(tell);
    return () => this.leave(instrument, tell);
  }

  /// The connection is lost: prices stay as the last known, but nothing is live.
  forgetStates(): void {
    for (const w of this.watched.values()) w.forgetState();
  }

  private leave(instrument: string, tell: () => void): void {
    const w = this.watched.get(instrument);
    if (!w?.tell.delete(tell) || w.tell.size > 0) return;
    w.stop();
    this.watched.delete(instrument);
  }

  private later(changed: Watched): void {
    this.changed.add(changed);
    if (this.isDue) return;
    this.isDue = true;
    this.nextFrame(() => {
      this.isDue = false;
      const all = [...this.changed];
      this.changed.clear();
      for (const w of all) {
        w.quote = w.newest;
        for (const tell of w.tell) tell();
      }
    });
  }
}

class Watched implements KeyHandler {
  quote: Quote = unknown;
  newest: Quote = unknown;
  readonly tell = new Set<() => void>();
  stop: () => void = () => undefined;

  constructor(private readonly later: (changed: Watched) => void, private readonly onTick: (tick: Tick) => void) {}

  snapshot(answer: SubAnswer): void {
    this.set({ state: answer.state, error: undefined });
    if (answer.snapshot.tick) this.take(answer.snapshot.tick);
  }
  push(event: KeyEvent): void {
    if (event.ev === 'tick') {
      this.onTick(event.tick);
      this.take(event.tick);
    }
    if (event.ev === 'state') this.set({ state: event.state });
  }
  refused(error: StreamError): void { this.set({ error }); }
  forgetState(): void { this.set({ state: undefined }); }

  private take(tick: Tick): void {
    const before = this.newest.tick?.last;
    if (before === undefined || before === tick.last) return this.set({ tick });
    this.set({ tick, direction: Number(tick.last) > Number(before) ? 1 : -1, changes: this.newest.changes + 1 });
  }
  private set(some: Partial<Quote>): void {
    this.newest = { ...this.newest, ...some };
    this.later(this);
  }
}
