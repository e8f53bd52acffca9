import { memo, useCallback, useEffect, useMemo, useRef } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import type { Chain, Option } from '../../api/types';
import { strikesOf } from '../../market/chainFeed';
import { priceText } from '../../format/text';
import { type Column, titleOf } from './columns';
import { pixelsOf } from '../../components/rem';

const rowHeight = 1.75;  // rem

interface Scale { oi: number; change: number }

function scaleOf(chain: Chain): Scale {
  let [oi, change] = [1, 1];
  for (const o of chain.options) {
    oi = Math.max(oi, o.oi ?? 0);
    change = Math.max(change, Math.abs(o.oi_change ?? 0));
  }
  return { oi, change };
}

/// Open interest as a bar that grows away from the strike, its change as a line below it.
function bars(option: Option, scale: Scale, side: 'call' | 'put') {
  const to = side === 'call' ? 'left' : 'right';
  const share = (n: number, of: number) => `${(Math.min(1, n / of) * 100).toFixed(1)}%`;
  const change = option.oi_change ?? 0;
  const color = change > 0 ? 'var(--up)' : 'var(--down)';
  return {
    backgroundImage: `linear-gradient(to ${to}, ${color} ${share(Math.abs(change), scale.change)}, transparent 0), `
      + `linear-gradient(to ${to}, var(--bar) ${share(option.oi ?? 0, scale.oi)}, transparent 0)`,
    backgroundSize: '100% 2px, 100% 100%',
    backgroundPosition: 'bottom, center',
    backgroundRepeat: 'no-repeat',
  };
}

const Side = memo(function Side({ option, columns, side, scaleOi, scaleChange, isInside, onOpen }: {
  option: Option | undefined; columns: readonly Column[]; side: 'call' | 'put'; scaleOi: number; scaleChange: number;
  isInside: boolean; onOpen: (token: number) => void;
}) {
  const shade = isInside ? 'bg-accent-soft' : '';
  return columns.map((c) => {
    const hidden = c.isSmall ? '' : 'hidden sm:table-cell';
    if (!option) return <td key={c.id} className={`${shade} ${hidden}`} />;
    const text = c.value(option);
    const isLast = c.id === 'last';
    return (
      <td key={c.id} data-cell={c.id} title={titleOf(option, c)}
        className={`px-2 text-right whitespace-nowrap ${shade} ${hidden} ${text === undefined ? 'text-quiet' : c.tone?.(option) ?? ''} ${isLast ? 'font-semibold' : ''}`}
        style={c.id === 'oi' ? bars(option, { oi: scaleOi, change: scaleChange }, side) : undefined}>
        {isLast && text !== undefined
          ? <button type="button" tabIndex={-1} title="Show its chart" className="hover:underline" onClick={() => onOpen(option.token)}>{text}</button>
          : text ?? '·'}
      </td>
    );
  });
}, (a, b) => a.columns === b.columns && a.scaleOi === b.scaleOi && a.scaleChange === b.scaleChange && a.isInside === b.isInside
  && a.onOpen === b.onOpen && sameOption(a.option, b.option));

function sameOption(a: Option | undefined, b: Option | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  const { age: aAge, ...x } = a;
  const { age: bAge, ...y } = b;
  const names = Object.keys(x) as (keyof typeof x)[];
  return (aAge === undefined) === (bAge === undefined) && names.length === Object.keys(y).length && names.every((n) => x[n] === y[n]);
}

function Heads({ columns }: { columns: readonly Column[] }) {
  return columns.map((c) => (
    <th key={c.id} scope="col" title={c.help} className={`px-2 py-1 text-right font-normal ${c.isSmall ? '' : 'hidden sm:table-cell'}`}>{c.title}</th>
  ));
}

/// Over the columns that there are: fewer on narrow screens.
function SideHead({ columns, className, text }: { columns: readonly Column[]; className: string; text: string }) {
  const looks = `py-1 font-semibold ${className}`;
  return (
    <>
      <th scope="colgroup" colSpan={columns.filter((c) => c.isSmall).length} className={`${looks} sm:hidden`}>{text}</th>
      <th scope="colgroup" colSpan={columns.length} className={`${looks} hidden sm:table-cell`}>{text}</th>
    </>
  );
}

/// Strikes with their calls on the left and their puts on the right. Only what is seen is in the page.
export function StrikeTable({ chain, columns, onOpen }: {
  chain: Chain; columns: readonly Column[]; onOpen: (token: number) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const mirrored = useMemo(() => [...columns].reverse(), [columns]);
  const rows = useMemo(() => strikesOf(chain), [chain]);
  const scale = useMemo(() => scaleOf(chain), [chain]);
  const view = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => pixelsOf(rowHeight), overscan: 12 });
  const shown = view.getVirtualItems();
  const above = shown[0]?.start ?? 0;
  const below = view.getTotalSize() - (shown.at(-1)?.end ?? 0);

  const middle = rows.findIndex((r) => r.strike === chain.atm_strike);
  const toMiddle = useCallback(() => { if (middle >= 0) view.scrollToIndex(middle, { align: 'center' }); }, [middle, view]);
  // Until somebody looks elsewhere: strikes come with their first ticks.
  const which = `${chain.underlying} ${chain.expiry}`;
  const lookedElsewhere = useRef('');
  const leave = () => { lookedElsewhere.current = which; };
  const hasMiddle = middle >= 0;
  useEffect(() => {
    if (hasMiddle && lookedElsewhere.current !== which) toMiddle();
    // Not with each move of the market.
  }, [which, hasMiddle, rows.length]);

  return (
    <div className="relative min-h-0 flex-1">
      <div ref={scroller} onWheel={leave} onPointerDown={leave} onTouchMove={leave} onKeyDown={leave} className="absolute inset-0 overflow-auto" tabIndex={0} role="region" aria-label="Strikes" data-testid="strikes">
        <table className="w-full border-collapse" aria-rowcount={rows.length + 2}>
          <thead className="sticky top-0 z-1 bg-panel text-[.6875rem] text-quiet">
            <tr>
              <SideHead columns={columns} className="text-up" text="Calls" />
              <td />
              <SideHead columns={columns} className="text-down" text="Puts" />
            </tr>
            <tr>
              <Heads columns={columns} />
              <th scope="col" className="px-2 py-1 text-center font-normal">Strike</th>
              <Heads columns={mirrored} />
            </tr>
          </thead>
          <tbody>
            {above > 0 && <tr aria-hidden style={{ height: above }} />}
            {shown.map(({ index }) => {
              const row = rows[index];
              if (!row) return null;
              const isAtm = row.strike === chain.atm_strike;
              const isAbove = chain.forward !== undefined && Number(row.strike) > chain.forward;
              return (
                <tr key={row.strike} data-strike={row.strike} aria-rowindex={index + 3} style={{ height: `${rowHeight}rem` }}
                  className={`hover:bg-hover ${isAtm ? 'border-y border-accent' : ''}`}>
                  <Side option={row.call} columns={columns} side="call" scaleOi={scale.oi} scaleChange={scale.change}
                    isInside={chain.forward !== undefined && !isAbove} onOpen={onOpen} />
                  <th scope="row" aria-current={isAtm || undefined}
                    className={`bg-panel px-2 text-center font-semibold ${isAtm ? 'text-accent' : ''} ${row.strike === chain.max_pain ? 'underline decoration-warn decoration-2 underline-offset-4' : ''}`}
                    title={[isAtm ? 'at the money' : '', row.strike === chain.max_pain ? 'max pain' : ''].filter(Boolean).join(', ') || undefined}>
                    {priceText(row.strike).replace(/\.00$/, '')}
                  </th>
                  <Side option={row.put} columns={mirrored} side="put" scaleOi={scale.oi} scaleChange={scale.change} isInside={isAbove} onOpen={onOpen} />
                </tr>
              );
            })}
            {below > 0 && <tr aria-hidden style={{ height: below }} />}
          </tbody>
        </table>
      </div>
      <button type="button" onClick={toMiddle} className="absolute right-4 bottom-3 rounded-md border bg-raised px-2 py-0.5 shadow-(--shadow) hover:bg-hover">
        At the money
      </button>
    </div>
  );
}
