import { create } from 'zustand';
import type { Login } from './types';

/// What is shown to be let in: a ticket of a login, or a key.
export type Credential = { ticket: string; name: string } | { key: string };

interface Access {
  credential: Credential | null;
  /// Why one is needed; null: nobody asked for one.
  wanted: string | null;
}

const place = 'artham.credential';

function remembered(): Credential | null {
  try {
    return JSON.parse(sessionStorage.getItem(place) ?? 'null') as Credential | null;
  } catch {
    return null;
  }
}

/// Kept for as long as the tab is open.
export const useAccess = create<Access>()(() => ({ credential: remembered(), wanted: null }));

export function authorization(): Record<string, string> {
  const { credential } = useAccess.getState();
  if (!credential) return {};
  return { Authorization: `Bearer ${'key' in credential ? credential.key : credential.ticket}` };
}

/// The server wants to know who asks, or does not take what it was shown.
export function unauthorized(why: string): void {
  if (useAccess.getState().wanted !== why) useAccess.setState({ wanted: why });
}

export function letIn(credential: Credential): void {
  sessionStorage.setItem(place, JSON.stringify(credential));
  useAccess.setState({ credential, wanted: null });
}

export async function logIn(user: string, password: string): Promise<void> {
  const response = await fetch('/v1/login', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user, password }),
  });
  const answer = await response.json() as Login | { detail?: string };
  if (!('ticket' in answer)) throw new Error(answer.detail ?? `${response.status} ${response.statusText}`);
  letIn({ ticket: answer.ticket, name: answer.name });
}

export async function logOut(): Promise<void> {
  const headers = authorization();
  sessionStorage.removeItem(place);
  useAccess.setState({ credential: null });
  await fetch('/v1/logout', { method: 'POST', headers }).catch(() => undefined);
}
