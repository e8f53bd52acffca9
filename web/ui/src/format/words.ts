import type { BarFlag } from '../api/types';
import type { DataState } from '../stream/protocol';

export type Tone = 'good' | 'warn' | 'bad' | 'quiet';

export const dataStates: Record<DataState, { text: string; tone: Tone; help: string }> = {
  live: { text: 'Live', tone: 'good', help: 'The feed is up and the instrument has ticked.' },
  waiting_feed: { text: 'Feed lost', tone: 'bad', help: 'The feed is lost or has not come yet. Prices are the last known.' },
  replaying: { text: 'Replay', tone: 'warn', help: 'This is a replay, not the market.' },
  market_closed: { text: 'Closed', tone: 'quiet', help: 'No session of the instrument is on.' },
  no_ticks_since: { text: 'No ticks', tone: 'warn', help: 'The feed is up; this instrument has not ticked since artham started.' },
  token_expired: { text: 'Incomplete', tone: 'warn', help: 'Some of what was missed is not to be had any more.' },
};

export const flagNames: Record<BarFlag, string> = {
  partial: 'Volume incomplete', gap: 'Feed lost within', late: 'Late tick', reset: 'Volume fell back',
  short_session: 'Short session', backfilled: 'Backfilled',
};

const causes: Record<string, string> = {
  disconnected: 'Feed disconnected', stalled: 'Feed silent', restart: 'artham was not running',
  token_expired: 'Access token expired', rate_limited: 'Rate limited', journal_damaged: 'Journal damaged',
  disk_full: 'Disk full', feed_error: 'Feed broke its protocol', quarantined: 'Bars of this instrument stopped',
  missed: 'Missed by this gateway', expired: 'Not to be had any more', lost: 'Lost in a crash', too_slow: 'This page was too slow',
};
export function causeName(cause: string): string { return causes[cause] ?? cause; }

const feedStates: Record<string, { text: string; tone: Tone }> = {
  connected: { text: 'Connected', tone: 'good' }, live: { text: 'Live', tone: 'good' },
  waiting_feed: { text: 'Waiting', tone: 'warn' }, market_closed: { text: 'Market closed', tone: 'quiet' },
  stale: { text: 'Silent', tone: 'bad' }, lost: { text: 'Lost', tone: 'bad' },
};
export function feedState(name: string): { text: string; tone: Tone } {
  return feedStates[name] ?? { text: name.replaceAll('_', ' '), tone: 'warn' };
}
