import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import { type EpochMetrics, epochMetricsSchema } from '@carpal/configs/schema/progress.ts';

/** The lines of a metrics.ndjson in order of epochs; none where there is no file. A line that cannot be read is left out. */
export async function readMetrics(store: ArtifactStore, key: string): Promise<EpochMetrics[]> {
  const text = (await store.readIfPresent(key))?.toString('utf8') ?? '';
  return text
    .split('\n')
    .flatMap((line) => {
      const metrics = epochMetricsSchema.safeParse(parseJson(line));
      return metrics.success ? [metrics.data] : [];
    })
    .sort((a, b) => a.epoch - b.epoch);
}
