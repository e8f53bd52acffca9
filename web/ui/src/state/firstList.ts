import { useEffect } from 'react';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/rest';
import type { Instruments } from '../api/types';
import { useSettings } from './settings';

const firstOnes = 14;

/// Who has no list yet begins with the indices and the first shares.
export function useFirstList(): void {
  const { watchlist, setWatchlist } = useSettings();
  const first = useQuery({
    queryKey: ['first-list'],
    queryFn: async ({ signal }) => {
      const some = await get<Instruments>('/v1/instruments', { exchange: 'NSE', limit: firstOnes }, signal);
      if (some.instruments.length > 0) return some;
      const any = await get<Instruments>('/v1/instruments', { limit: firstOnes }, signal);
      if (any.instruments.length === 0) throw new Error('no instruments are known yet');
      return any;
    },
    enabled: watchlist === null,
  }).data;
  useEffect(() => {
    if (watchlist === null && first) setWatchlist(first.instruments.map((i) => i.key));
  }, [watchlist, first, setWatchlist]);
}
