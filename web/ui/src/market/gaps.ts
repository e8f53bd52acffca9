import type { Gap } from '../api/types';

/// A loss of data; one that is not over ends at infinity.
export interface Loss { from: number; to: number; cause: string; detail?: string }

/// Those of the feed, and those of the instrument alone.
export function lossesOf(gaps: readonly Gap[], token: number | undefined): Loss[] {
  return gaps
    .filter((g) => (g.instrument_token === undefined || g.instrument_token === token)
      && (g.instrument_tokens === undefined || (token !== undefined && g.instrument_tokens.includes(token))))
    .map((g) => ({ from: g.from, to: g.to ?? Infinity, cause: g.cause, detail: g.detail }));
}

/// Those that are stored and those that were pushed, each once, newest first. One that is over by either is over.
export function together(stored: readonly Loss[], pushed: readonly Loss[]): Loss[] {
  const known = new Map<string, Loss>();
  for (const loss of [...stored, ...pushed]) {
    const which = `${loss.from} ${loss.cause}`;
    const before = known.get(which);
    if (!before || loss.to < before.to) known.set(which, loss);
  }
  return [...known.values()].sort((a, b) => b.from - a.from);
}
