import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { temporaryFolder } from '@carpal/report/dataset/testing/small-dataset.ts';
import { describe, expect, it } from 'vitest';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { BatchMaker } from './batch-maker.ts';
import { prepareDataset } from './prepare.ts';
import { previewTiles } from './preview-image.ts';

describe('previewTiles', () => {
  it('shows bit for bit what training sees in the given epochs', async () => {
    const folder = await temporaryFolder();
    await writeTinyDataset(join(folder, 'data'), 1);
    const { spec: unit } = tinyExperiment(join(folder, 'data'), {
      augmentations: [
        { name: 'rotate' },
        { name: 'elastic' },
        { name: 'gaussianNoise' },
        { name: 'gridDistortion' },
        { name: 'wristCrop' },
        { name: 'clahe', tiles: 3 },
        { name: 'gaussianBlur' },
      ],
    });
    const spec = { ...unit, input: { ...unit.input, normalize: 'percentile' as const } };
    const classes = loadClasses(spec.dataset.classes);
    const { train } = await discoverDataset(join(folder, 'data'));
    const [first] = train;
    if (!first) throw new Error('no sample');
    const epochs = [1, 2, 3, 4, 5];
    const [original, ...variants] = await previewTiles(first, { spec, classes, epochs });
    const { samples, folder: prepared } = await prepareDataset({
      folder: join(folder, 'data'),
      size: spec.input.size,
      normalize: spec.input.normalize,
      classes,
      store: openStore(join(folder, 'store')),
      namespace: 'default',
    });
    const own = samples.filter(({ imageName }) => imageName === first.imageName);
    const request = { prepared, samples: own, batchSize: 1, classes: classes.length, seed: spec.training.seed, startStep: 0 };
    const seen = (epoch: number, augmentations = spec.augmentations): Float32Array | undefined =>
      new BatchMaker({ ...request, epoch, augmentations }).next()?.buffers.images;
    expect(original?.image).toEqual(seen(1, []));
    variants.forEach((tile, index) => {
      expect(tile.title).toBe(`epoch ${epochs[index]}`);
      expect(tile.image).toEqual(seen(epochs[index] ?? 0));
      expect(tile.outlines.filter((outline) => outline.length > 0)).toHaveLength(3);
    });
  });
});
