import { useMemo, useRef, useState } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import type { Tree } from '../../api/types';
import { Badge } from '../../components/Badge';
import { pixelsOf } from '../../components/rem';
import { countText } from '../../format/text';
import type { Tone } from '../../format/words';
import { type Line, linesOf } from '../../market/tree';

const tones: Record<string, Tone> = { running: 'good', starting: 'warn', backing_off: 'warn', restarting: 'warn', stopping: 'warn', stopped: 'quiet', failed: 'bad' };

function Row({ line, onToggle }: { line: Line; onToggle: (path: string) => void }) {
  const { node, depth, isOpen, children } = line;
  // Of very many children there are only counts.
  const unlisted = children > 0 ? 0 : Object.values(node.counts ?? {}).reduce((sum, n) => sum + n, 0);
  const amiss = Object.entries(node.counts ?? {}).filter(([state, n]) => state !== 'running' && n > 0);
  return (
    <div className="flex h-7 items-center gap-3 border-t px-3 hover:bg-hover" data-path={line.path}>
      <span style={{ width: `${depth * 1.1}rem` }} className="shrink-0" />
      {children > 0 ? (
        <button type="button" aria-expanded={isOpen} onClick={() => onToggle(line.path)} className="flex min-w-0 items-center gap-1.5">
          <span aria-hidden className={`inline-block text-quiet transition-transform ${isOpen ? 'rotate-90' : ''}`}>▸</span>
          <span className="truncate font-medium">{node.id}</span>
          <span className="text-quiet">{countText(children)}</span>
        </button>
      ) : <span className="truncate pl-4">{node.id}{unlisted > 0 && <span className="pl-1.5 text-quiet">{countText(unlisted)}</span>}</span>}
      {amiss.map(([state, n]) => <span key={state} className="text-warn">{countText(n)} {state.replaceAll('_', ' ')}</span>)}
      {node.error !== undefined && <span className="min-w-0 truncate text-down" title={node.error}>{node.error}</span>}
      <span className="ml-auto flex shrink-0 items-center gap-4 text-quiet">
        {(node.restarts ?? 0) > 0 && <span className="text-warn">{countText(node.restarts)} restarts</span>}
        {node.queue_depth !== undefined && <span title="Messages that wait">{countText(node.queue_depth)}</span>}
        <span className="w-20"><Badge tone={tones[node.state] ?? 'warn'}>{node.state.replaceAll('_', ' ')}</Badge></span>
      </span>
    </div>
  );
}

/// Supervisors and their actors, with states, restarts and queues.
export function TreeView({ tree }: { tree: Tree }) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const scroller = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => linesOf(tree, toggled), [tree, toggled]);
  const view = useVirtualizer({ count: lines.length, getScrollElement: () => scroller.current, estimateSize: () => pixelsOf(1.75), overscan: 10 });
  const toggle = (path: string) => setToggled((before) => {
    const after = new Set(before);
    if (!after.delete(path)) after.add(path);
    return after;
  });
  return (
    <div ref={scroller} className="max-h-[32rem] overflow-y-auto" tabIndex={0} role="region" aria-label="Supervisors and actors" data-testid="tree">
      <div className="relative" style={{ height: view.getTotalSize() }}>
        {view.getVirtualItems().map(({ index, start }) => {
          const line = lines[index];
          return line && (
            <div key={line.path} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${start}px)` }}>
              <Row line={line} onToggle={toggle} />
            </div>
          );
        })}
      </div>
    </div>
  );
}
