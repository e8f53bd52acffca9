import { useCallback, useSyncExternalStore } from 'react';
import type { QueryClient } from '@tanstack/react-query';
import { create } from 'zustand';
import { LatencyMeter } from '../market/latency';
import { type Quote, QuoteHub } from '../market/quotes';
import type { Loss } from '../market/gaps';
import { useAccess } from '../api/access';
import type { Connection, KeyHandler } from '../stream/client';
import { pageStream } from '../stream/pageStream';
import type { DataState, SystemNow } from '../stream/protocol';

export const stream = pageStream();
/// Of the ticks that come to this page.
export const latency = new LatencyMeter();
export const quotes = new QuoteHub(stream, (run) => { requestAnimationFrame(run); }, (tick) => latency.take(tick));

interface Live {
  connection: Connection;
  /// Of a ping, in milliseconds.
  roundTrip: number | null;
  system: SystemNow | null;
  /// When `system` was told, by the server's clock.
  systemAt: number | null;
  systemState: DataState | null;
  /// Losses of all instruments that were pushed since the page was opened.
  losses: Loss[];
}

const mostLosses = 500;

/// The connection and the system, as told over it.
export const useLive = create<Live>()(() => ({
  connection: stream.connection, roundTrip: null, system: null, systemAt: null, systemState: null, losses: [],
}));

const system: KeyHandler = {
  snapshot: (answer) => useLive.setState({ system: answer.snapshot.system ?? null, systemState: answer.state }),
  push: (event) => {
    if (event.ev === 'system') useLive.setState({ system: event.system, systemAt: event.t });
    if (event.ev === 'state') useLive.setState({ systemState: event.state });
  },
  refused: () => useLive.setState({ system: null }),
};

/// Opens the connection, for as long as the page lives. After a loss, what was asked for by REST is asked for again.
export function goLive(queries: Pick<QueryClient, 'invalidateQueries'>): void {
  let wasOpen = false;
  stream.onConnection((connection) => {
    const isOpen = connection.phase === 'open';
    useLive.setState(isOpen ? { connection } : { connection, roundTrip: null });
    if (!isOpen) quotes.forgetStates();
    if (isOpen && wasOpen) void queries.invalidateQueries();
    wasOpen ||= isOpen;
  });
  stream.onRoundTrip((roundTrip) => useLive.setState({ roundTrip }));
  stream.onGap((gap) => {
    if (gap.from === undefined) return;
    void queries.invalidateQueries({ queryKey: ['gaps'] });
    const loss = { from: gap.from, to: gap.to ?? Infinity, cause: gap.cause };
    useLive.setState((s) => ({ losses: [loss, ...s.losses].slice(0, mostLosses) }));
  });
  stream.subscribe('system', {}, system);
  useAccess.subscribe((now, before) => {
    if (now.credential === before.credential) return;
    stream.connectAnew();
    void queries.invalidateQueries();
  });
  window.addEventListener('online', () => stream.retryNow());
  stream.start();
}

/// What is known of an instrument, followed.
export function useQuote(instrument: string): Quote {
  const watch = useCallback((tell: () => void) => quotes.watch(instrument, tell), [instrument]);
  return useSyncExternalStore(watch, () => quotes.get(instrument));
}
