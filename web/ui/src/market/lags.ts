export interface Lag { name: string; kind: 'reader' | 'store'; lag: number }

const kinds = { 'artham_reader_lag.': 'reader', 'artham_store_lag.': 'store' } as const;

/// Who is how many records behind, out of the metrics of `/v1/status`.
export function lagsOf(metrics: Record<string, number> = {}): Lag[] {
  const lags: Lag[] = [];
  for (const [metric, lag] of Object.entries(metrics)) {
    for (const [prefix, kind] of Object.entries(kinds)) {
      if (metric.startsWith(prefix)) lags.push({ name: metric.slice(prefix.length), kind, lag });
    }
  }
  return lags;
}

export function largest(lags: readonly Lag[], kind: Lag['kind']): number | undefined {
  const some = lags.filter((l) => l.kind === kind).map((l) => l.lag);
  return some.length === 0 ? undefined : Math.max(...some);
}
