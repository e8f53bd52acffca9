import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get, RestError } from '../api/rest';
import type { Chains, Gaps, Instrument, Instruments, Status, Timeframes, Tree, Version } from '../api/types';
import { setOffset } from '../format/time';

export function useTimeframes() {
  return useQuery({
    queryKey: ['timeframes'],
    queryFn: async ({ signal }) => {
      const answer = await get<Timeframes>('/v1/timeframes', {}, signal);
      setOffset(answer.utc_offset_seconds);
      return answer;
    },
    staleTime: Infinity,
  });
}

export function useVersion() {
  return useQuery({ queryKey: ['version'], queryFn: ({ signal }) => get<Version>('/version', {}, signal), staleTime: Infinity });
}

/// Instruments by words of their key or name.
export function useSearch(words: string, limit = 50) {
  return useQuery({
    queryKey: ['search', words, limit],
    queryFn: ({ signal }) => get<Instruments>('/v1/instruments', { query: words, limit }, signal),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

async function findInstrument(key: string, signal: AbortSignal): Promise<Instrument> {
  const { instruments } = await get<Instruments>('/v1/instruments', { query: key, limit: 20 }, signal);
  const found = instruments.find((i) => i.key === key);
  if (!found) throw new RestError(`${key} is not known here. Search for another instrument with Ctrl K.`, 404);
  return found;
}

export function useInstrument(key: string | null) {
  return useQuery({
    queryKey: ['instrument', key],
    queryFn: ({ signal }) => findInstrument(key ?? '', signal),
    enabled: key !== null,
    staleTime: 3_600_000,
  });
}

export function useGaps() {
  return useQuery({
    queryKey: ['gaps'], queryFn: ({ signal }) => get<Gaps>('/v1/gaps', {}, signal), refetchInterval: 10_000,
  });
}

export function useChains() {
  return useQuery({
    queryKey: ['chains'],
    queryFn: ({ signal }) => get<Chains>('/v1/chain', {}, signal),
    // The first ones appear with the first ticks.
    refetchInterval: (query) => (query.state.data?.chains.length ? 60_000 : 1_000),
  });
}

export function useStatus() {
  return useQuery({ queryKey: ['status'], queryFn: ({ signal }) => get<Status>('/v1/status', {}, signal), refetchInterval: 1_000 });
}

export function useTree() {
  return useQuery({ queryKey: ['tree'], queryFn: ({ signal }) => get<Tree>('/v1/system/tree', {}, signal), refetchInterval: 2_000 });
}
