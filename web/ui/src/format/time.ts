// Times are microseconds since 1970 UTC, shown in the exchange's zone.

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const india = 19_800;
let offset = india;

/// Of the exchange's zone, in seconds; told by `/v1/timeframes`.
export function setOffset(seconds: number): void { offset = seconds; }
export function offsetSeconds(): number { return offset; }

export function zoneName(): string {
  if (offset === india) return 'IST';
  const minutes = Math.abs(offset) / 60;
  return `UTC${offset < 0 ? '−' : '+'}${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
}

function two(n: number): string { return String(n).padStart(2, '0'); }
function local(micros: number): Date { return new Date(micros / 1000 + offset * 1000); }

export function clock(micros: number): string {
  const d = local(micros);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
}
export function clockSeconds(micros: number): string {
  return `${clock(micros)}:${two(local(micros).getUTCSeconds())}`;
}
export function date(micros: number): string {
  const d = local(micros);
  return `${d.getUTCDate()} ${months[d.getUTCMonth()] ?? ''}`;
}
export function dateYear(micros: number): string { return `${date(micros)} ${local(micros).getUTCFullYear()}`; }
export function dateClock(micros: number): string { return `${date(micros)} ${clock(micros)}`; }
export function dateClockSeconds(micros: number): string { return `${date(micros)} ${clockSeconds(micros)}`; }

/// Days since 1970 in the exchange's zone.
export function dayOf(micros: number): number { return Math.floor(local(micros).getTime() / 86_400_000); }

/// `2026-12-01` as 1 Dec.
export function expiryText(day: string): string {
  const [year, month, date] = day.split('-').map(Number);
  return month === undefined || date === undefined ? day : `${date} ${months[month - 1] ?? ''} ${String(year).slice(-2)}`;
}

export function durationText(micros: number): string {
  const s = micros / 1e6;
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} days`;
}
