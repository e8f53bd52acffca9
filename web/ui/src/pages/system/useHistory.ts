import { useEffect, useState } from 'react';
import type { Status } from '../../api/types';
import { largest, lagsOf } from '../../market/lags';
import { useLive } from '../../state/live';

const length = 300;

export interface Sample { at: number; rate: number | null; silence: number | null; reader: number | null; store: number | null; trip: number | null }

/// What was seen since the page was opened, a sample with each status.
export function useHistory(status: Status | undefined, updatedAt: number): readonly Sample[] {
  const [samples, setSamples] = useState<{ all: Sample[]; ticks: number | undefined; at: number }>({ all: [], ticks: undefined, at: 0 });
  useEffect(() => {
    if (!status) return;
    const lags = lagsOf(status.metrics);
    setSamples((before) => {
      if (updatedAt === before.at) return before;
      const seconds = (updatedAt - before.at) / 1000;
      const ticks = status.ticks_received;
      const isNext = ticks !== undefined && before.ticks !== undefined && ticks >= before.ticks && seconds < 10;
      const sample: Sample = {
        at: updatedAt / 1000,
        rate: isNext ? (ticks - (before.ticks ?? 0)) / seconds : null,
        silence: status.feed?.ticks?.silent_ms ?? null,
        reader: largest(lags, 'reader') ?? null,
        store: largest(lags, 'store') ?? null,
        trip: useLive.getState().roundTrip,
      };
      return { all: [...before.all, sample].slice(-length), ticks, at: updatedAt };
    });
  }, [status, updatedAt]);
  return samples.all;
}
