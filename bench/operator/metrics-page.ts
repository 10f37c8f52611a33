/** A page of metrics in Prometheus' text format, in the subset that the operator writes. */

export type Sample = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** The samples of a page. Ignores comments and other lines. */
export function parseMetrics(page: string): readonly Sample[] {
  return page.split('\n').flatMap((line): Sample[] => {
    const [, name, labels = '', value] = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']): [string, string] => [key, text]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/** The sum of the samples with that name and those labels; 0 if there are none. */
export function total(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const isMeant = (sample: Sample): boolean =>
    sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
  return samples.filter(isMeant).reduce((sum, { value }) => sum + value, 0);
}

/** The quantile of a histogram over all its series, interpolated within a bucket as Prometheus does. NaN without observations. */
export function histogramQuantile(samples: readonly Sample[], name: string, fraction: number): number {
  const buckets = new Map<number, number>();
  for (const sample of samples) {
    if (sample.name !== `${name}_bucket`) continue;
    const bound = Number((sample.labels['le'] ?? '').replace('+Inf', 'Infinity'));
    buckets.set(bound, (buckets.get(bound) ?? 0) + sample.value);
  }
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const count = sorted.at(-1)?.[1] ?? 0;
  if (count === 0) return Number.NaN;
  let [below, before] = [0, 0];
  for (const [bound, upTo] of sorted) {
    if (upTo >= fraction * count) {
      return bound === Number.POSITIVE_INFINITY ? below : below + ((bound - below) * (fraction * count - before)) / (upTo - before);
    }
    [below, before] = [bound, upTo];
  }
  return below;
}
