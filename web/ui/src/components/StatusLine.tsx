import { causeName, feedState } from '../format/words';
import { countText } from '../format/text';
import { clockSeconds } from '../format/time';
import { useLive } from '../state/live';
import { useVersion } from '../state/queries';
import { Badge } from './Badge';

/// Can it be trusted, in one line at the foot of every page.
export function StatusLine() {
  const { connection, roundTrip, system } = useLive();
  const version = useVersion().data;
  const isOpen = connection.phase === 'open';
  const feed = isOpen && system?.feed ? feedState(system.feed.state) : null;
  const down = system?.nodes?.filter((n) => n.state !== 'up') ?? [];
  const open = system?.gaps ? system.gaps.opened - system.gaps.closed : 0;
  return (
    <footer className="flex flex-wrap items-center gap-x-5 gap-y-0.5 border-t bg-panel px-4 py-1 text-xs text-quiet">
      <Badge tone={isOpen ? 'good' : 'bad'} testId="connection">
        {isOpen ? `Connected${roundTrip === null ? '' : ` · ${roundTrip.toFixed(roundTrip < 10 ? 1 : 0)} ms`}` : 'Not connected'}
      </Badge>
      {feed && (
        <Badge tone={feed.tone} testId="feed">
          Feed {feed.text.toLowerCase()}
          {system?.feed?.cause !== undefined && ` (${causeName(system.feed.cause).toLowerCase()})`}
          {system?.feed?.since !== undefined && ` since ${clockSeconds(system.feed.since)}`}
        </Badge>
      )}
      {isOpen && system?.gaps && (
        <span className={open > 0 ? 'text-down' : ''}>
          {system.gaps.opened === 0 ? 'No gaps' : `${countText(system.gaps.opened)} gap${system.gaps.opened === 1 ? '' : 's'}`}
          {open > 0 && `, ${open} open`}
        </span>
      )}
      {isOpen && system?.store && (
        <span className={system.store.waiting > 0 || system.store.refused > 0 ? 'text-warn' : ''}>
          {system.store.waiting > 0 ? 'The store is waited for' : system.store.refused > 0 ? 'The store refused rows'
            : `Store lag ${countText(system.store.lag)}`}
        </span>
      )}
      {isOpen && down.length > 0 && <span className="text-down">{down.map((n) => `${n.node} ${n.state}`).join(', ')}</span>}
      {isOpen && system?.redis?.up === false && <span className="text-down">Redis does not answer</span>}
      <span className="ml-auto hidden sm:inline">
        Charts by <a className="underline" href="https://www.tradingview.com/" rel="noreferrer">TradingView</a> Lightweight Charts™
      </span>
      {version && <span>{version.name} {version.version}</span>}
    </footer>
  );
}
