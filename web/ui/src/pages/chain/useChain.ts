import { useEffect, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/rest';
import type { ChainNow as StoredChain } from '../../api/types';
import { ChainFeed, type ChainNow } from '../../market/chainFeed';
import { stream } from '../../state/live';

const policy = { every_ms: 150 };

/// The living chain of an expiry; nothing while there is none to follow.
export function useChain(underlying: string | undefined, expiry: string | undefined): ChainNow {
  const [now, setNow] = useState<ChainNow>({});
  useEffect(() => {
    setNow({});
    if (underlying === undefined || expiry === undefined) return;
    const feed = new ChainFeed(setNow, (run) => { requestAnimationFrame(run); });
    const unsubscribe = stream.subscribe(`chain:${underlying}:${expiry}`, { policy }, feed);
    return () => {
      unsubscribe();
      feed.close();
    };
  }, [underlying, expiry]);
  return now;
}

/// Which expiry is next is for the server to say.
export function useNearest(underlying: string | undefined) {
  return useQuery({
    queryKey: ['nearest', underlying],
    queryFn: async ({ signal }) => (await get<StoredChain>(`/v1/chain/${encodeURIComponent(underlying ?? '')}`, {}, signal)).chain.expiry,
    enabled: underlying !== undefined,
    // There is none before the first clock mark.
    retry: 20,
    staleTime: 60_000,
  });
}
