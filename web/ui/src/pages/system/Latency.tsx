import { useEffect, useState } from 'react';
import { Panel } from '../../components/Panel';
import { countText } from '../../format/text';
import { durationText } from '../../format/time';
import { edges, type Latencies } from '../../market/latency';
import { latency, quotes } from '../../state/live';
import { useSettings } from '../../state/settings';

const watchedAtMost = 40;

function nameOf(i: number): string {
  const edge = edges[i];
  return edge === undefined ? `over ${durationText((edges.at(-1) ?? 0) * 1000)}` : `to ${edge < 1000 ? `${edge} ms` : `${edge / 1000} s`}`;
}

/// How late ticks are when they come, of the instruments that are watched.
export function Latency() {
  const watchlist = useSettings((s) => s.watchlist);
  const [read, setRead] = useState<Latencies>(() => latency.read());
  useEffect(() => {
    const leave = (watchlist ?? []).slice(0, watchedAtMost).map((key) => quotes.watch(key, () => undefined));
    const timer = setInterval(() => setRead(latency.read()), 1_000);
    return () => {
      clearInterval(timer);
      for (const off of leave) off();
    };
  }, [watchlist]);
  const most = Math.max(1, ...read.buckets);
  const figure = (ms: number | undefined) => (ms === undefined ? '–' : durationText(ms * 1000));
  return (
    <Panel title="Feed latency" className="border-t" aside={<span className="text-xs text-quiet">exchange’s time to reception, {countText(read.count)} ticks of the watchlist</span>}>
      {read.count === 0 ? <p className="px-3 pb-3 text-quiet">No tick of the watchlist has come to this page yet.</p> : (
        <>
          <dl className="flex gap-6 px-3 pb-1">
            {([['Median', read.median], ['99 %', read.p99], ['Most', read.most]] as const).map(([name, value]) => (
              <div key={name} className="flex gap-2"><dt className="text-quiet">{name}</dt><dd className="font-semibold" data-fact={name}>{figure(value)}</dd></div>
            ))}
          </dl>
          <ul className="px-3 pb-3" aria-label="Ticks by latency" data-testid="latency">
            {read.buckets.map((n, i) => (
              <li key={nameOf(i)} className="grid grid-cols-[5rem_1fr_4rem] items-center gap-2 text-xs">
                <span className="text-quiet">{nameOf(i)}</span>
                <span className="h-2 rounded-sm bg-(--bar)" style={{ width: `${n / most * 100}%` }} />
                <span className="text-right text-quiet">{countText(n)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}
