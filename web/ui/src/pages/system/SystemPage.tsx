import { type ReactNode, useEffect, useMemo } from 'react';
import type { ColumnDef } from '@tanstack/react-table';
import type { Status } from '../../api/types';
import { Badge } from '../../components/Badge';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { SortedTable } from '../../components/SortedTable';
import { bytesText, countText } from '../../format/text';
import { clockSeconds, dateClockSeconds, durationText } from '../../format/time';
import { causeName, feedState, type Tone } from '../../format/words';
import { type Lag, lagsOf } from '../../market/lags';
import { countOf } from '../../market/tree';
import { useLive } from '../../state/live';
import { useGaps, useStatus, useTree } from '../../state/queries';
import type { SystemNow } from '../../stream/protocol';
import type { Gap } from '../../api/types';
import { Latency } from './Latency';
import { Strip } from './Strip';
import { TreeView } from './TreeView';
import { useHistory } from './useHistory';

const lagColumns: ColumnDef<Lag>[] = [
  { accessorKey: 'name', header: 'Who' },
  { accessorKey: 'kind', header: 'Of', cell: (c) => (c.row.original.kind === 'reader' ? 'stream' : 'store') },
  { accessorKey: 'lag', header: 'Records behind', meta: { isNumber: true }, cell: (c) => countText(c.row.original.lag) },
];
const gapColumns: ColumnDef<Gap>[] = [
  { accessorKey: 'from', header: 'From', cell: (c) => dateClockSeconds(c.row.original.from) },
  { accessorKey: 'to', header: 'To', cell: ({ row: { original: g } }) => (g.to === undefined ? <span className="text-down">open</span> : clockSeconds(g.to)) },
  { id: 'length', header: 'Length', meta: { isNumber: true }, accessorFn: (g) => (g.to ?? Infinity) - g.from, cell: ({ row: { original: g } }) => (g.to === undefined ? '' : durationText(g.to - g.from)) },
  { accessorKey: 'cause', header: 'Cause', cell: ({ row: { original: g } }) => <span title={g.detail}>{causeName(g.cause)}</span> },
  {
    id: 'whose', header: 'Of', accessorFn: (g) => g.instrument_tokens?.length ?? (g.instrument_token === undefined ? 0 : 1),
    cell: ({ row: { original: g } }) => (g.instrument_token !== undefined ? `token ${g.instrument_token}`
      : g.instrument_tokens ? `${countText(g.instrument_tokens.length)} instruments` : 'everything'),
  },
];

function Tile({ name, tone, children, more }: { name: string; tone?: Tone; children: ReactNode; more?: ReactNode }) {
  return (
    <div className="border-r border-b px-3 py-2">
      <dt className="text-[.6875rem] text-quiet">{name}</dt>
      <dd>
        <span className="text-[.9375rem] font-semibold" data-fact={name}>{tone ? <Badge tone={tone}>{children}</Badge> : children}</span>
        {more !== undefined && <span className="block text-xs text-quiet">{more}</span>}
      </dd>
    </div>
  );
}

function Tiles({ status, system, amiss }: { status: Status; system: SystemNow | null; amiss: { all: number; amiss: number } | undefined }) {
  const feed = system?.feed;
  const journal = status.journal;
  const open = system?.gaps ? system.gaps.opened - system.gaps.closed : 0;
  const waiting = system?.store?.waiting ?? 0;
  const refused = system?.store?.refused ?? 0;
  return (
    <dl className="grid grid-cols-[repeat(auto-fit,minmax(8.2rem,1fr))]" data-testid="tiles">
      {feed && (
        <Tile name="Feed" tone={feedState(feed.state).tone} more={feed.cause !== undefined ? causeName(feed.cause) : status.feed?.url}>
          {feedState(feed.state).text}
        </Tile>
      )}
      {status.market_time !== undefined && (
        <Tile name="Market time" more={status.market_time.slice(0, 10)}>{status.market_time.slice(11, 19)}</Tile>
      )}
      {status.ticks_received !== undefined && <Tile name="Ticks received">{countText(status.ticks_received)}</Tile>}
      {system?.gaps && (
        <Tile name="Gaps" tone={open > 0 ? 'bad' : undefined} more="since its start">
          {open > 0 ? `${countText(open)} open` : countText(system.gaps.opened)}
        </Tile>
      )}
      {system?.restarts !== undefined && <Tile name="Restarts" tone={system.restarts > 0 ? 'warn' : undefined} more="of actors">{countText(system.restarts)}</Tile>}
      {amiss && <Tile name="Actors" tone={amiss.amiss > 0 ? 'warn' : undefined} more={`of ${countText(amiss.all)}`}>{amiss.amiss === 0 ? 'all run' : `${countText(amiss.amiss)} do not run`}</Tile>}
      {status.store && (
        <Tile name="Store" tone={refused > 0 ? 'bad' : waiting > 0 ? 'warn' : 'good'} more={status.store.kind}>
          {refused > 0 ? 'refuses rows' : waiting > 0 ? 'away' : 'writes'}
        </Tile>
      )}
      {journal && (
        <Tile name="Journal" tone={journal.full ? 'bad' : journal.low ? 'warn' : 'good'} more={`${bytesText(journal.free_bytes)} free`}>
          {journal.full ? 'disk full' : journal.low ? 'little room' : 'has room'}
        </Tile>
      )}
      {status.quarantines && (
        <Tile name="Quarantined" tone={status.quarantines.records + status.quarantines.builders > 0 ? 'bad' : undefined} more="records, builders">
          {countText(status.quarantines.records)}, {countText(status.quarantines.builders)}
        </Tile>
      )}
      {status.sessions !== undefined && <Tile name="Clients">{countText(status.sessions)}</Tile>}
    </dl>
  );
}

function Connections({ status }: { status: Status }) {
  const limit = status.feed?.ticks?.stall_limit_ms;
  const all = status.feed?.connections ?? [];
  return (
    <Panel title="Feed connections" aside={limit !== undefined && <span className="text-xs text-quiet">{limit === 0 ? 'nothing is expected now' : `a stall after ${durationText(limit * 1000)} of silence`}</span>}>
      <table className="w-full border-collapse" aria-label="Feed connections">
        <thead className="text-[.6875rem] text-quiet">
          <tr>{['', 'State', 'Instruments', 'Silent for'].map((h, i) => <th key={h} scope="col" className={`px-3 py-1 font-normal ${i > 1 ? 'text-right' : 'text-left'}`}>{h || '#'}</th>)}</tr>
        </thead>
        <tbody>
          {all.map((c, i) => (
            <tr key={i} className="border-t">
              <td className="px-3 py-1">{i + 1}</td>
              <td className="px-3 py-1"><Badge tone={feedState(c.state).tone}>{feedState(c.state).text}</Badge></td>
              <td className="px-3 py-1 text-right">{countText(c.instruments)}</td>
              <td className="px-3 py-1 text-right">{durationText(c.silent_ms * 1000)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

const nodeTones: Record<string, Tone> = { up: 'good', leaving: 'warn', silent: 'bad' };

function Nodes({ system, status }: { system: SystemNow | null; status: Status }) {
  const shards = Object.entries(system?.shards ?? {});
  return (
    <Panel title="Nodes and shards" aside={<span className="text-xs text-quiet">{status.cluster ? `cluster ${status.cluster.name}` : 'one process'}</span>}>
      <ul className="px-3 pb-2">
        {(system?.nodes ?? []).map((n) => (
          <li key={n.node} className="flex gap-3 py-0.5">
            <span className="font-medium">{n.node}</span><span className="text-quiet">{n.roles?.join(', ')}</span>
            <span className="ml-auto"><Badge tone={nodeTones[n.state] ?? 'warn'}>{n.state}</Badge></span>
          </li>
        ))}
        {shards.map(([work, node]) => <li key={work} className="flex justify-between py-0.5 text-quiet"><span>{work}</span><span>{node}</span></li>)}
        {system?.redis && <li className="flex justify-between py-0.5"><span>Redis</span><Badge tone={system.redis.up ? 'good' : 'bad'}>{system.redis.up ? 'answers' : 'does not answer'}</Badge></li>}
      </ul>
      {status.store?.waiting?.map((w) => <p key={w.stream} className="px-3 pb-1 text-warn">{w.stream} waits for the store for {countText(w.seconds)} s: {w.why}</p>)}
      {status.store?.refused?.map((r) => <p key={r.stream} className="px-3 pb-1 text-down">The store refused {countText(r.rows)} rows of {r.stream}: {r.why}</p>)}
    </Panel>
  );
}

/// Can it be trusted: the feed, what is behind, what was lost, and who works.
export function SystemPage() {
  const status = useStatus();
  const tree = useTree();
  const gaps = useGaps();
  const { system } = useLive();
  const history = useHistory(status.data, status.dataUpdatedAt);
  useEffect(() => { document.title = 'System · artham'; }, []);
  const lags = useMemo(() => lagsOf(status.data?.metrics), [status.data]);
  const times = useMemo(() => history.map((s) => s.at), [history]);
  const rates = useMemo(() => history.map((s) => s.rate), [history]);
  const silences = useMemo(() => history.map((s) => s.silence), [history]);
  const readers = useMemo(() => history.map((s) => s.reader), [history]);
  const stores = useMemo(() => history.map((s) => s.store), [history]);
  const trips = useMemo(() => history.map((s) => s.trip), [history]);
  const counted = useMemo(() => (tree.data ? countOf(tree.data) : undefined), [tree.data]);

  if (!status.data) return status.isError ? <Notice isError>{status.error.message}</Notice> : <Notice>Loading</Notice>;
  return (
    <div className="living h-full overflow-y-auto">
      <h1 className="sr-only">System</h1>
      <Tiles status={status.data} system={system} amiss={counted} />
      <div className="grid divide-x border-b sm:grid-cols-2 lg:grid-cols-5">
        <Strip title="Ticks" times={times} values={rates} unit="a second" />
        <Strip title="Feed silence" times={times} values={silences} unit="ms" />
        <Strip title="Stream lag" times={times} values={readers} unit="records" />
        <Strip title="Store lag" times={times} values={stores} unit="records" />
        <Strip title="Round trip" times={times} values={trips} unit="ms" digits={1} />
      </div>
      <div className="grid lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="min-w-0 lg:border-r">
          <Panel title="Supervisors" aside={<span className="text-xs text-quiet">messages that wait · state</span>}>
            {tree.data ? <TreeView tree={tree.data} /> : <Notice isError={tree.isError}>{tree.isError ? tree.error.message : 'Loading'}</Notice>}
          </Panel>
          <Panel title="Gaps" className="border-t">
            <div className="max-h-80 overflow-auto" tabIndex={0} role="region" aria-label="Gaps">
              <SortedTable label="Gaps" columns={gapColumns} rows={gaps.data?.gaps ?? []} sort={[{ id: 'from', desc: true }]}
                idOf={(g) => `${g.from} ${g.cause} ${g.instrument_token ?? ''}`} empty="Nothing was lost." />
            </div>
          </Panel>
        </div>
        <div className="min-w-0 border-t lg:border-t-0">
          {status.data.feed?.connections && <Connections status={status.data} />}
          <Latency />
          <div className="border-t"><Nodes system={system} status={status.data} /></div>
          <Panel title="Lags" className="border-t">
            <div className="max-h-96 overflow-auto" tabIndex={0} role="region" aria-label="Lags">
              <SortedTable label="Lags" columns={lagColumns} rows={lags} sort={[{ id: 'name', desc: false }]} idOf={(l) => `${l.kind} ${l.name}`} empty="This node has none." />
            </div>
          </Panel>
        </div>
      </div>
    </div>
  );
}
