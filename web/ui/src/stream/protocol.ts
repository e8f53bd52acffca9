// The messages of docs/protocol.md, as JSON.
import type { Bar, Chain } from '../api/types';

export type DataState =
  'live' | 'waiting_feed' | 'replaying' | 'market_closed' | 'no_ticks_since' | 'token_expired';

export interface Level { price: string; quantity: number; orders: number }

/// Members that the feed's mode does not have are absent. Times are microseconds.
export interface Tick {
  last: string;
  t_rx: number;
  t_ex?: number;
  t_trade?: number;
  open?: string;
  high?: string;
  low?: string;
  close?: string;
  last_quantity?: number;
  average?: string;
  volume?: number;
  buy_quantity?: number;
  sell_quantity?: number;
  oi?: number;
  oi_day_high?: number;
  oi_day_low?: number;
  bids?: Level[];
  offers?: Level[];
}

export interface SystemNow {
  feed?: { state: string; cause?: string; since?: number };
  gaps?: { opened: number; closed: number };
  nodes?: { node: string; roles?: string[]; state: string }[];
  shards?: Record<string, string>;
  redis?: { up: boolean };
  restarts?: number;
  store?: { lag: number; waiting: number; refused: number };
  streams?: { lag: number };
}

export interface Snapshot { tick?: Tick; bars?: Bar[]; chain?: Chain; system?: SystemNow }
export interface SubAnswer { key: string; state: DataState; snapshot: Snapshot }

export interface StreamError { code: number; name: string; message: string; retry: boolean }

/// A loss: of one key, or without a key of everything. Without `to` it is not over.
export interface GapEvent { ev: 'gap'; key?: string; from?: number; to?: number; cause: string; token?: string }

export type KeyEvent =
  | { ev: 'bar'; key: string; bar: Bar }
  | { ev: 'tick'; key: string; tick: Tick }
  | { ev: 'chain'; key: string; chain: Chain }
  | { ev: 'system'; key: string; t: number; system: SystemNow }
  | { ev: 'state'; key: string; state: DataState }
  | (GapEvent & { key: string });

export type Policy = 'latest' | 'all' | { every_ms: number };

export interface SubOptions {
  /// Finished bars wanted in the snapshot.
  history?: number;
  policy?: Policy;
}
