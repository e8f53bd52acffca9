import { useMemo } from 'react';
import { useNavigate, useSearch as useAddress } from '@tanstack/react-router';
import { useTimeframes } from './queries';
import { useSettings } from './settings';

export interface Choice {
  /// `NSE:INFY`; null until there is one.
  instrument: string | null;
  timeframe: string;
  setInstrument(key: string): void;
  setTimeframe(name: string): void;
}

/// What the chart shows: what the address says, else what was looked at last. It goes to the market page from wherever it is set.
export function useChoice(): Choice {
  const address = useAddress({ strict: false }) as { i?: string; tf?: string };
  const navigate = useNavigate();
  const settings = useSettings();
  const frames = useTimeframes().data;
  const instrument = address.i ?? settings.instrument ?? settings.watchlist?.[0] ?? null;
  const known = frames ? [...frames.timeframes, ...frames.periods] : [];
  const asked = address.tf ?? settings.timeframe ?? '';
  const timeframe = frames && !known.includes(asked) ? known[0] ?? '1m' : asked || '1m';
  return useMemo(() => {
    const go = (i: string, tf: string) => {
      settings.look(i, tf);
      void navigate({ to: '/', search: { i, tf } });
    };
    return {
      instrument, timeframe,
      setInstrument: (key) => go(key, timeframe),
      setTimeframe: (name) => { if (instrument !== null) go(instrument, name); },
    };
  }, [instrument, timeframe, navigate, settings]);
}
