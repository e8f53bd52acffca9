// Prices are exact decimals as text; what is read on the screen stays text.

const places = 9;
const scale = 10n ** BigInt(places);

/// In units of 1e-9; undefined if it is no decimal.
export function units(text: string): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '0', fraction = ''] = match;
  const value = BigInt(whole) * scale + BigInt(fraction.padEnd(places, '0'));
  return sign ? -value : value;
}

export function fromUnits(value: bigint): string {
  const size = value < 0n ? -value : value;
  const fraction = (size % scale).toString().padStart(places, '0').replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${size / scale}${fraction ? `.${fraction}` : ''}`;
}

/// a - b, exactly; undefined if one of them is not there.
export function difference(a: string | undefined, b: string | undefined): string | undefined {
  const x = a === undefined ? undefined : units(a);
  const y = b === undefined ? undefined : units(b);
  return x === undefined || y === undefined ? undefined : fromUnits(x - y);
}

/// (a - b) / b in per cent; undefined if that is not known.
export function percentChange(a: string | undefined, b: string | undefined): number | undefined {
  const from = Number(b);
  if (a === undefined || b === undefined || from === 0) return undefined;
  return (Number(a) - from) / from * 100;
}

/// Digits behind the point that a tick size needs, at least two.
export function digitsOf(tickSize: string): number {
  return Math.max(2, (tickSize.split('.')[1] ?? '').replace(/0+$/, '').length);
}
