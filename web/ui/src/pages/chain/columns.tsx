import type { Option } from '../../api/types';
import { countText, numberText, priceText, shortCount, signedCountText } from '../../format/text';
import type { ChainColumns } from '../../state/settings';

export interface Column {
  id: string;
  title: string;
  help: string;
  /// Also on narrow screens.
  isSmall?: boolean;
  value(option: Option): string | undefined;
  tone?(option: Option): string;
}

const number = (x: number | undefined, digits: number) => (x === undefined ? undefined : numberText(x, digits));

const oi: Column = {
  id: 'oi', title: 'OI', help: 'Open interest; the line below is its change since the day’s first tick', isSmall: true,
  value: (o) => (o.oi === undefined ? undefined : shortCount(o.oi)),
};
const oiChange: Column = {
  id: 'oi_change', title: 'ΔOI', help: 'Change of the open interest since the day’s first tick',
  value: (o) => (o.oi_change === undefined ? undefined : signedCountText(o.oi_change)),
  tone: (o) => ((o.oi_change ?? 0) > 0 ? 'text-up' : (o.oi_change ?? 0) < 0 ? 'text-down' : 'text-quiet'),
};
const volume: Column = {
  id: 'volume', title: 'Volume', help: 'Volume of the day', value: (o) => (o.volume === undefined ? undefined : shortCount(o.volume)),
};
const iv: Column = {
  id: 'iv', title: 'IV %', help: 'Implied volatility', value: (o) => (o.iv === undefined ? undefined : numberText(o.iv * 100, 2)),
};
const price = (id: 'bid' | 'ask' | 'last', title: string, help: string, isSmall = false): Column => ({
  id, title, help, isSmall, value: (o) => (o[id] === undefined ? undefined : priceText(o[id])),
});
const greek = (id: 'delta' | 'gamma' | 'theta' | 'vega', title: string, help: string, digits: number): Column => ({
  id, title, help, value: (o) => number(o[id], digits),
});

/// Of the calls, from the outside to the strike; puts have them mirrored.
export const columnSets: Record<ChainColumns, readonly Column[]> = {
  prices: [oi, oiChange, volume, iv, price('bid', 'Bid', 'Best bid'), price('ask', 'Ask', 'Best offer'), price('last', 'LTP', 'Last traded price', true)],
  greeks: [
    oi, greek('vega', 'Vega', 'For one point of volatility', 2), greek('theta', 'Theta', 'For one calendar day', 2),
    greek('gamma', 'Gamma', 'Change of delta for one point of the underlying', 5), greek('delta', 'Delta', 'Change of price for one point of the underlying', 3),
    { ...iv, isSmall: true }, price('last', 'LTP', 'Last traded price', true),
  ],
};

export function titleOf(option: Option, column: Column): string | undefined {
  if (column.id === 'oi' && option.oi !== undefined) return `${countText(option.oi)}, ${signedCountText(option.oi_change)} today`;
  return column.value(option) === undefined ? `not known: ${option.state.replaceAll('_', ' ')}` : undefined;
}
