import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';

/**
 * metrics.ndjson of a fold, one line per epoch. The whole object is written anew each time (stores cannot append), after dropping lines of
 * epochs that a resumed fold does again, so an epoch never has two lines.
 */
export class MetricsLog {
  readonly #store: ArtifactStore;
  readonly #key: string;
  #lines: string[] = [];

  constructor(store: ArtifactStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  /** Takes over the lines of epochs before `epoch`, in which the fold goes on. A line that a person broke is dropped. */
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
  try {
    const { epoch } = JSON.parse(line) as { epoch?: unknown };
    return typeof epoch === 'number' ? epoch : undefined;
  } catch {
    return undefined;
  }
}
