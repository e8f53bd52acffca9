import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Bar = Schemas['Bar'] & { indicators?: Record<string, string | number> };
export type Bars = Omit<Schemas['Bars'], 'bars'> & { bars: Bar[] };
export type BarFlag = Bar['flags'][number];
export type Chain = Schemas['Chain'];
export type Option = Schemas['Option'];
export type Chains = Schemas['Chains'];
export type Gap = Schemas['Gaps']['gaps'][number];
export type Gaps = Schemas['Gaps'];
export type Instrument = Schemas['Instrument'];
export type Instruments = Schemas['Instruments'];
export type Proof = Schemas['Proof'];
export type Login = Schemas['Login'];
export type Problem = Schemas['Problem'];
export type Timeframes = Schemas['Timeframes'];
export type Version = Schemas['Version'];

/// The newest chain of an expiry; `history` is not asked for here.
export interface ChainNow { chain: Chain; expiries: string[] }

/// A supervisor or an actor.
export interface TreeNode {
  id: string;
  kind?: 'supervisor' | 'worker';
  state: string;
  restarts?: number;
  generation?: number;
  error?: string;
  queue_depth?: number;
  counts?: Record<string, number>;
  children?: TreeNode[];
}
/// Of one node, or in a cluster of each.
export type Tree = TreeNode | { nodes: Record<string, TreeNode | { error: string }> };

export interface FeedConnection { state: string; instruments: number; silent_ms: number }
/// What `/v1/status` tells; all but the version may be missing, as nodes tell what they do.
export interface Status {
  version: string;
  feed?: {
    url?: string;
    state?: string;
    ticks?: { silent_ms: number; stall_limit_ms: number; expected_frames_per_hour: number; stalls: number };
    connections?: FeedConnection[];
  };
  metrics?: Record<string, number>;
  market_time?: string;
  ticks_received?: number;
  gaps?: number;
  sessions?: number;
  quarantines?: { records: number; builders: number };
  features?: { groups: number; failed: number };
  formulas?: Record<string, { ticks: number; silent: number }>;
  journal?: { free_bytes: number; reserve_bytes: number; low: boolean; full: boolean; dropped_ticks: number };
  store?: {
    kind: string;
    place: string;
    waiting?: { stream: string; why: string; since: string; seconds: number }[];
    refused?: { stream: string; rows: number; why: string }[];
  };
  redis?: { place: string; up: boolean; used_memory: number; suffers: string };
  cluster?: {
    name: string;
    node: string;
    shards: number;
    nodes: { node: string; roles: string[]; version: string; url: string; leaving: boolean; silent_ms: number }[];
    leases: Record<string, string>;
    failure?: string;
  };
}
