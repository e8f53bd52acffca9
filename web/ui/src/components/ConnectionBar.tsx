import { useEffect, useState } from 'react';
import type { Connection } from '../stream/client';
import { stream, useLive } from '../state/live';

function useSeconds(isRunning: boolean): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!isRunning) return;
    setNow(performance.now());
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}

function words(connection: Connection, now: number): string {
  if (connection.phase === 'refused') return `artham refuses this page: ${connection.why}.`;
  const seconds = Math.round((now - (('lostAt' in connection ? connection.lostAt : undefined) ?? now)) / 1000);
  const frozen = `Connection lost${seconds > 0 ? ` for ${seconds} s` : ''}: nothing on this page is live.`;
  if (connection.phase !== 'waiting') return `${frozen} Connecting…`;
  return `${frozen} Trying again in ${Math.max(0, Math.ceil((connection.until - now) / 1000))} s.`;
}

/// Says at once that what is on the screen is not live, and why.
export function ConnectionBar() {
  const connection = useLive((s) => s.connection);
  const isLost = connection.phase === 'waiting' || connection.phase === 'refused'
    || (connection.phase === 'connecting' && connection.lostAt !== undefined);
  const now = useSeconds(isLost);
  if (!isLost) return null;
  return (
    <div role="alert" data-testid="connection-bar" className="flex flex-wrap items-center gap-3 bg-down-soft px-4 py-1.5 text-ink">
      <span className="size-2 rounded-full bg-down" aria-hidden />
      <span>{words(connection, now)}</span>
      <button type="button" className="rounded border border-current px-2 hover:bg-hover" onClick={() => stream.retryNow()}>Try now</button>
    </div>
  );
}
