import { authorization, unauthorized, useAccess } from './access';
import type { Problem } from './types';

/// What a request failed with: `message` says what to do about it.
export class RestError extends Error {
  constructor(message: string, readonly status: number, readonly problem?: Problem) {
    super(message);
    this.name = 'RestError';
  }
}

export type Query = Record<string, string | number | undefined>;

export function target(path: string, query: Query = {}): string {
  const words = Object.entries(query)
    .filter((pair): pair is [string, string | number] => pair[1] !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return words.length === 0 ? path : `${path}?${words.join('&')}`;
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const { credential, wanted } = useAccess.getState();
  // Nobody is asked again and again with what is not taken.
  if (wanted !== null) throw new RestError(wanted, 401);
  let response: Response;
  try {
    response = await fetch(target(path, query), { signal: signal ?? null, headers: { Accept: 'application/json', ...authorization() } });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new RestError('artham does not answer; is it running?', 0);
  }
  if (response.ok) return await response.json() as T;
  const problem = await response.json().catch(() => undefined) as Problem | undefined;
  if (response.status === 401 && credential === useAccess.getState().credential) unauthorized(problem?.detail ?? 'A key or a login is needed.');
  throw new RestError(problem?.detail ?? `${response.status} ${response.statusText}`, response.status, problem);
}
