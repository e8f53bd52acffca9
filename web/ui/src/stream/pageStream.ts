import { type Credential, unauthorized, useAccess } from '../api/access';
import { type Socket, StreamClient } from './client';

function shown(credential: Credential | null): { ticket: string } | { key: string } | undefined {
  if (!credential) return undefined;
  return 'key' in credential ? { key: credential.key } : { ticket: credential.ticket };
}

/// The stream of the server that this page came from.
export function pageStream(): StreamClient {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return new StreamClient({
    open: () => new WebSocket(`${scheme}//${location.host}/v1/stream`, 'artham.v1.json') as unknown as Socket,
    credential: () => shown(useAccess.getState().credential),
    unauthorized,
  });
}
