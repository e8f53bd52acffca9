// Numbers as they are read in India: 12,34,567.80.

export const nothing = '–';

function grouped(digits: string): string {
  if (digits.length <= 3) return digits;
  return `${digits.slice(0, -3).replace(/\B(?=(\d{2})+$)/g, ',')},${digits.slice(-3)}`;
}

/// A decimal text with at least so many digits behind the point.
export function priceText(text: string | undefined, digits = 2): string {
  if (text === undefined) return nothing;
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = ''] = match;
  return `${sign ? '−' : ''}${grouped(whole)}.${fraction.padEnd(digits, '0')}`;
}

/// With a sign, as of a change.
export function signedPriceText(text: string | undefined, digits = 2): string {
  if (text === undefined) return nothing;
  return text.startsWith('-') || Number(text) === 0 ? priceText(text, digits) : `+${priceText(text, digits)}`;
}

export function countText(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return nothing;
  return `${n < 0 ? '−' : ''}${grouped(String(Math.abs(Math.round(n))))}`;
}

export function signedCountText(n: number | undefined): string {
  return n !== undefined && n > 0 ? `+${countText(n)}` : countText(n);
}

/// 12.3 L, 4.56 Cr: for columns that are narrow.
export function shortCount(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return nothing;
  const size = Math.abs(n);
  const sign = n < 0 ? '−' : '';
  if (size >= 1e7) return `${sign}${(size / 1e7).toFixed(2)} Cr`;
  if (size >= 1e5) return `${sign}${(size / 1e5).toFixed(2)} L`;
  return countText(n);
}

export function numberText(x: number | undefined, digits: number): string {
  if (x === undefined || !Number.isFinite(x)) return nothing;
  const text = Math.abs(x).toFixed(digits);
  return x < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function signedPercent(x: number | undefined): string {
  if (x === undefined || !Number.isFinite(x)) return nothing;
  return `${x > 0 && Number(x.toFixed(2)) !== 0 ? '+' : ''}${numberText(x, 2)} %`;
}

export function bytesText(n: number | undefined): string {
  if (n === undefined) return nothing;
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = n;
  let i = 0;
  while (size >= 1024 && i < names.length - 1) { size /= 1024; i += 1; }
  return `${i === 0 ? size : size.toFixed(1)} ${names[i] ?? ''}`;
}
