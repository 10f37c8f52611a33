import { FILE } from '@carpal/configs/names.ts';
import { type EpochMetrics, epochMetricsSchema } from '@carpal/configs/schema/progress.ts';
import { PLAIN } from './augment.ts';
import type { AloneBenchmark } from '../harness/case.ts';
import { complete } from '../harness/complete.ts';
import type { Measure } from '../harness/measures.ts';
import { prepareFold } from './prepared-fold.ts';

const SIZE = 512;
const BATCH = 2;
const EPOCHS = 2;
/** Of 16 phantoms 12 are trained on. */
const FOLDS = 4;

/** How much of its epochs, by their metrics, a training waited for batches. Throws a RangeError for an epoch that does not tell. */
export function stallMeasures(epochs: readonly EpochMetrics[]): readonly Measure[] {
  const shares = epochs.map(({ epoch, seconds, waitSeconds }) => {
    if (waitSeconds === undefined) throw new RangeError(`epoch ${epoch} does not tell how long it waited`);
    return (100 * waitSeconds) / seconds;
  });
  return [
    { what: 'waits for batches, of the worst epoch', value: Math.max(...shares), unit: '%', atMost: 2 },
    { what: 'an epoch', value: Math.max(...epochs.map(({ seconds }) => seconds)), unit: 's' },
  ];
}

/** `carpal fold`, which writes into its metrics how long the training waited. */
export const feedStall: AloneBenchmark = {
  name: 'feed-stall',
  what: `carpal fold: ${EPOCHS} epochs of UNet at ${SIZE} px on 12 images with ${PLAIN.length} augmentations, ${BATCH} in a batch, float32`,
  run: async (material) => {
    const { store, key, words } = await prepareFold(material, 'feed-stall', {
      dataset: { split: { folds: FOLDS } },
      model: { name: 'UNet' },
      input: { size: SIZE },
      augmentations: PLAIN,
      training: { epochs: EPOCHS, batchSize: BATCH },
    });
    await complete(words);
    const lines = (await store.read(`${key}/${FILE.metrics}`)).toString('utf8').trim().split('\n');
    return stallMeasures(lines.map((line) => epochMetricsSchema.parse(JSON.parse(line))));
  },
};
