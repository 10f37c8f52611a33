/** metrics.ndjson of a fold: one line per epoch. */
import { parseJson } from '@carpal/configs/json.ts';
import { type EpochMetrics, epochMetricsSchema } from '@carpal/configs/schema/progress.ts';
import type { ArtifactStore } from './store.ts';

/**
 * Writes metrics.ndjson. Stores cannot append, so every `add` writes the whole object. A resumed fold drops the lines of epochs that it
 * repeats, so an epoch never has two lines.
 */
export class MetricsLog {
  readonly #store: ArtifactStore;
  readonly #key: string;
  #lines: string[] = [];

  constructor(store: ArtifactStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  /** Keeps the stored lines of epochs before `epoch`, at which the fold continues. Drops lines without a readable epoch. */
  async resumeAt(epoch: number): Promise<void> {
    const text = (await this.#store.readIfPresent(this.#key))?.toString('utf8') ?? '';
    this.#lines = text.split('\n').filter((line) => {
      const found = epochOf(line);
      return found !== undefined && found < epoch;
    });
  }

  async add(metrics: EpochMetrics): Promise<void> {
    this.#lines.push(JSON.stringify(metrics));
    await this.#store.write(this.#key, `${this.#lines.join('\n')}\n`);
  }
}

function epochOf(line: string): number | undefined {
  const { epoch } = (parseJson(line) ?? {}) as { epoch?: unknown };
  return typeof epoch === 'number' ? epoch : undefined;
}

/** The epochs of a metrics.ndjson in ascending order, empty if there is no file. Skips lines that cannot be read. */
export async function readMetrics(store: ArtifactStore, key: string): Promise<EpochMetrics[]> {
  const text = (await store.readIfPresent(key))?.toString('utf8') ?? '';
  return text
    .split('\n')
    .flatMap((line) => epochMetricsSchema.safeParse(parseJson(line)).data ?? [])
    .sort((a, b) => a.epoch - b.epoch);
}
