import type { Chain } from '../../api/types';
import { countText, nothing, numberText, priceText, shortCount, signedCountText } from '../../format/text';

function percent(x: number | undefined): string { return x === undefined ? nothing : numberText(x * 100, 2); }

/// What the chain says as a whole.
export function Summary({ chain }: { chain: Chain }) {
  const facts: [string, string, string][] = [
    ['Forward', numberText(chain.forward, 2), chain.source ?? chain.state.replaceAll('_', ' ')],
    ['At the money', priceText(chain.atm_strike), `IV ${percent(chain.atm_iv)} %`],
    ['Straddle', numberText(chain.straddle, 2), ''],
    ['25Δ risk reversal', percent(chain.risk_reversal), 'points'],
    ['25Δ butterfly', percent(chain.butterfly), 'points'],
    ['Put/call', numberText(chain.pcr_oi, 2), `by volume ${numberText(chain.pcr_volume, 2)}`],
    ['Max pain', priceText(chain.max_pain), ''],
    ['GEX', shortCount(chain.gex), 'for 1 %'],
    ['Call OI', shortCount(chain.call_oi), signedCountText(chain.call_oi_change)],
    ['Put OI', shortCount(chain.put_oi), signedCountText(chain.put_oi_change)],
    ['Valued', `${countText(chain.valued)} of ${countText(chain.options.length)}`, chain.final ? 'mark' : 'live'],
  ];
  return (
    <dl className="flex shrink-0 gap-x-6 gap-y-1 overflow-x-auto border-b px-3 py-2" data-testid="summary" tabIndex={0} aria-label="The chain as a whole">
      {facts.map(([name, value, more]) => (
        <div key={name} className="whitespace-nowrap">
          <dt className="text-[.6875rem] text-quiet">{name}</dt>
          <dd><span className="text-[.9375rem] font-semibold" data-fact={name}>{value}</span> <small className="text-quiet">{more}</small></dd>
        </div>
      ))}
    </dl>
  );
}
