import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { addCoverage } from '@carpal/masks/coverage.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
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

  it('shows the crop of each epoch with its outlines, and the whole image first', async () => {
    const folder = await temporaryFolder();
    await writeTinyDataset(join(folder, 'data'), 1);
    const crop = { size: 32, imageSize: 48, sampling: 'foreground' } as const;
    const { spec } = tinyExperiment(join(folder, 'data'), {
      input: { size: 32, crop },
      augmentations: [{ name: 'rotate' }, { name: 'elastic' }],
    });
    const classes = loadClasses(spec.dataset.classes);
    const [first] = (await discoverDataset(join(folder, 'data'))).train;
    if (!first) throw new Error('no sample');
    const epochs = [1, 2, 3, 4];
    const [original, ...variants] = await previewTiles(first, { spec, classes, epochs });
    expect([original?.size, original?.title]).toEqual([32, 'as prepared']);
    const store = openStore(join(folder, 'store'));
    const set = await prepareDataset({ folder: join(folder, 'data'), size: crop.imageSize, classes, store, namespace: 'default' });
    const samples = set.samples.filter(({ imageName }) => imageName === first.imageName);
    const request = { prepared: set.folder, samples, batchSize: 1, classes: classes.length, seed: spec.training.seed };
    for (const [index, tile] of variants.entries()) {
      const parts = { kind: 'crop', ...crop } as const;
      const made = new BatchMaker({ ...request, epoch: epochs[index] ?? 0, augmentations: spec.augmentations, parts }).next();
      expect(tile.image).toEqual(made?.buffers.images);
      expect(tile.notes.at(-1)).toMatch(/^crop at \d+, \d+/);
      // Each bone that the target shows has its outline on the tile, where the bone is.
      const { targets } = made?.buffers ?? { targets: new Uint8Array(0) };
      for (const [channel, outline] of tile.outlines.entries()) {
        const target = targets.filter((_, at) => at % classes.length === channel);
        if (outline.length === 0) continue;
        const mask = new Uint8Array(32 * 32);
        const fit = { size: 32, scale: tile.width / 32, offsetX: 0, offsetY: 0 };
        addCoverage(fillPolygon(outline, tile.width, tile.height), fit, mask, 0, 1);
        const apart = mask.reduce((sum, value, at) => sum + Math.abs(value - (target[at] as number)), 0) / 255;
        expect(apart).toBeLessThan(40);
      }
    }
  });
});
