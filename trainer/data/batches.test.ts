import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { addCoverage } from '@carpal/masks/coverage.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import {
  annotationText,
  circle,
  greyPng,
  SMALL_CLASSES,
  temporaryFolder,
  writeSmallDataset,
  writeUnder,
} from '@carpal/report/dataset/testing/small-dataset.ts';
import { describe, expect, it } from 'vitest';
import { type BatchBuffers, BatchMaker, type BatchOptions } from './batch-maker.ts';
import { type Batch, openBatches } from './batches.ts';
import { prepareDataset } from './prepare.ts';

const AUGMENTATIONS: AugmentationSpec[] = [
  { name: 'rotate', probability: 0.8, degrees: 30 },
  { name: 'flipHorizontal', probability: 0.5 },
  { name: 'elastic', probability: 0.5 },
  { name: 'gridDistortion', probability: 0.5 },
  { name: 'gaussianBlur', probability: 0.5 },
  { name: 'clahe', probability: 0.5, tiles: 2 },
  { name: 'gamma', probability: 0.5 },
  { name: 'gaussianNoise', probability: 0.5 },
];

async function smallSet(size = 16): Promise<PreparedSet> {
  const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
  await writeSmallDataset(folder, { people: 3, testPeople: 1 });
  return prepareDataset({ folder, size, classes: SMALL_CLASSES, store: openFolderStore(artifacts), namespace: 'default' });
}

const optionsFor = (set: PreparedSet, more: Partial<BatchOptions> = {}): BatchOptions => ({
  prepared: set.folder,
  samples: set.samples.filter(({ half }) => half === 'train'),
  batchSize: 4,
  classes: set.classes.length,
  seed: 5,
  epoch: 1,
  ...more,
});

type Kept = { names: string[]; images: Float32Array; targets: Uint8Array; step: number };
const keep = ({ samples, images, targets, step }: Batch): Kept => ({
  names: samples.map(({ imageName }) => imageName),
  images: images.slice(),
  targets: targets.slice(),
  step,
});

async function walk(options: BatchOptions): Promise<Kept[]> {
  const kept: Kept[] = [];
  for await (const batch of openBatches(options)) kept.push(keep(batch));
  return kept;
}

describe('openBatches', () => {
  it('gives every sample once, in the requested order, with a smaller last batch', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { shuffle: false });
    expect(openBatches(options).steps).toBe(2);
    const batches = await walk(options);
    expect(batches.map(({ names, step }) => [step, names.length])).toEqual([
      [0, 4],
      [1, 2],
    ]);
    expect(batches.flatMap(({ names }) => names)).toEqual(options.samples.map(({ imageName }) => imageName));
    expect(batches.map(({ images, targets }) => [images.length, targets.length])).toEqual([
      [4 * 256, 4 * 256 * 3],
      [2 * 256, 2 * 256 * 3],
    ]);
  });

  it('gives the prepared pixels and the exact coverage without augmentation', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { shuffle: false, batchSize: 1 });
    const [batch] = await walk(options);
    const [sample] = options.samples;
    if (!batch || !sample) throw new Error('no batch');
    expect(batch.images).toEqual(Float32Array.from(await set.readImage(sample), (value) => value / 255));
    const targets = new Uint8Array(256 * 3);
    const fit = squareFit(sample.width, sample.height, set.size);
    (await set.readPolygons(sample)).forEach((polygon, channel) => {
      addCoverage(fillPolygon(polygon, sample.width, sample.height), fit, targets, channel, 3);
    });
    expect(batch.targets).toEqual(targets);
  });

  it.each([
    { state: 'unmoved', augmentations: [] },
    { state: 'rotated', augmentations: [{ name: 'rotate', degrees: 20, probability: 1 } as const] },
    { state: 'bent', augmentations: [{ name: 'elastic', probability: 1 } as const] },
  ])('sets a nearest target where the mask contains the centre of the pixel, for an image that is $state', async ({ augmentations }) => {
    const set = await smallSet();
    const options = optionsFor(set, { shuffle: false, batchSize: 1, augmentations });
    const [area, nearest] = [await walk(options), await walk({ ...options, targets: 'nearest' })];
    let both = 0;
    for (const [index, { images, targets }] of nearest.entries()) {
      const coverage = area[index]?.targets ?? fail();
      expect(images).toEqual(area[index]?.images);
      expect(new Set(targets)).toEqual(new Set([0, 255]));
      for (const [i, value] of targets.entries()) {
        // The centre of a fully covered pixel is inside the mask, and the centre of an uncovered pixel is outside.
        if (coverage[i] === 0 || coverage[i] === 255) expect(value).toBe(coverage[i]);
        else both |= value === 0 ? 1 : 2;
      }
    }
    expect(both).toBe(3);
  });

  it('gives the same batches for any number made ahead, on the thread or without one', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { augmentations: AUGMENTATIONS });
    const [ahead0, ahead5] = [await walk({ ...options, ahead: 0 }), await walk({ ...options, ahead: 5 })];
    expect(ahead0).toEqual(ahead5);
    const ordered = ahead0.flatMap(({ names }) => names.map((name) => set.samples.find(({ imageName }) => imageName === name) ?? fail()));
    const maker = new BatchMaker({ ...options, samples: ordered, augmentations: AUGMENTATIONS, startStep: 0 });
    const made = maker.next();
    expect(made?.buffers.images).toEqual(ahead0[0]?.images);
    expect(made?.buffers.targets).toEqual(ahead0[0]?.targets);
  });

  it('changes an image in the same way for any order and batch size, and differently in another epoch', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { augmentations: AUGMENTATIONS, batchSize: 1 });
    const byName = async (more: Partial<BatchOptions>): Promise<Record<string, Kept>> =>
      Object.fromEntries((await walk({ ...options, ...more })).map((kept) => [kept.names[0], { ...kept, step: 0 }]));
    const first = await byName({});
    expect(await byName({ shuffle: false })).toEqual(first);
    expect(await byName({ epoch: 2 })).not.toEqual(first);
    expect(await byName({ seed: 6 })).not.toEqual(first);
  });

  it('shuffles by seed and epoch', async () => {
    const set = await smallSet();
    const order = async (more: Partial<BatchOptions>): Promise<string> =>
      (await walk(optionsFor(set, more))).flatMap(({ names }) => names).join();
    const first = await order({});
    expect(await order({})).toBe(first);
    expect(new Set([first, await order({ epoch: 2 }), await order({ epoch: 3 }), await order({ seed: 6 })]).size).toBeGreaterThan(2);
  });

  it('continues an interrupted epoch exactly where it stopped', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { augmentations: AUGMENTATIONS, batchSize: 2 });
    const whole = await walk(options);
    for (const startStep of [0, 1, 2, 3]) expect(await walk({ ...options, startStep })).toEqual(whole.slice(startStep));
  });

  it('empties the arrays of a batch when the next one is requested', async () => {
    const set = await smallSet();
    const batches = openBatches(optionsFor(set, { batchSize: 2 }))[Symbol.asyncIterator]();
    const first: Batch = (await batches.next()).value;
    expect(first.images).toHaveLength(2 * 256);
    await batches.next();
    expect(first.images).toHaveLength(0);
    await batches.return?.();
  });

  it('can be left early or closed at any time, and new batches work afterwards', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { batchSize: 1 });
    for await (const batch of openBatches(options)) {
      expect(batch.step).toBe(0);
      break;
    }
    const closed = openBatches(options);
    await closed.close();
    await closed.close();
    for await (const batch of closed) throw new Error(`batch ${batch.step} of closed batches`);
    expect(await walk(options)).toHaveLength(6);
  });

  it('can iterate several epochs concurrently', async () => {
    const set = await smallSet();
    const [one, two] = [
      optionsFor(set, { epoch: 1, augmentations: AUGMENTATIONS }),
      optionsFor(set, { epoch: 2, augmentations: AUGMENTATIONS }),
    ];
    const [alone1, alone2] = [await walk(one), await walk(two)];
    expect(await Promise.all([walk(one), walk(two), walk(one)])).toEqual([alone1, alone2, alone1]);
  });

  it('gives empty targets for the test half', async () => {
    const set = await smallSet();
    const [batch] = await walk(optionsFor(set, { samples: set.samples.filter(({ half }) => half === 'test') }));
    expect(batch?.targets.every((value) => value === 0)).toBe(true);
    expect(batch?.images.some((value) => value > 0.5)).toBe(true);
  });

  it('throws the error of the thread with its code, and works again afterwards', async () => {
    const set = await smallSet();
    const options = optionsFor(set, { shuffle: false, batchSize: 2 });
    const damaged = join(set.folder, 'images/image2.png.u8');
    await expect(walk({ ...options, classes: 7 })).rejects.toMatchObject({
      code: 'prepared-invalid',
      message: 'the set has 3 classes instead of 7',
    });
    await truncate(damaged, 9);
    const seen: number[] = [];
    const failing = async (): Promise<void> => {
      for await (const { step } of openBatches(options)) seen.push(step);
    };
    await expect(failing()).rejects.toMatchObject({ name: 'CarpalError', code: 'prepared-invalid', where: damaged });
    expect(seen).toEqual([0]);
    expect(await walk({ ...options, samples: options.samples.slice(0, 2) })).toHaveLength(1);
  });
});

describe('an augmented batch', () => {
  // A portrait image with a margin in the square, a bright disk near its corner, and every movement at full strength.
  const moving: AugmentationSpec[] = [
    { name: 'flipHorizontal', probability: 0.5 },
    { name: 'rotate', probability: 1, degrees: 60 },
    { name: 'shiftScaleRotate', probability: 1, shift: 0.1, scale: 0.3, degrees: 20 },
    { name: 'elastic', probability: 0.5, alpha: 0.05, sigma: 0.1 },
    { name: 'gridDistortion', probability: 0.5, limit: 0.3 },
    { name: 'wristCrop', probability: 0.2, low: 2, high: 3 },
  ];

  /** One image with a bright disk, prepared at 96 pixels. */
  async function diskSet(width: number, height: number): Promise<PreparedSet> {
    const [folder, artifacts] = [await temporaryFolder(), await temporaryFolder()];
    const [x, y, radius] = [70, 80, 40];
    await writeUnder(
      folder,
      'train/DCM/ID1/a.png',
      await greyPng(width, height, (px, py) => (Math.hypot(px - x, py - y) <= radius + 0.5 ? 255 : 0)),
    );
    await writeUnder(folder, 'train/outputs_json/ID1/a.json', annotationText({ Lunate: circle(x, y, radius) }));
    return prepareDataset({ folder, size: 96, classes: ['Lunate'], store: openFolderStore(artifacts), namespace: 'default' });
  }

  function diskIn({ folder, samples }: PreparedSet, epoch: number, augmentations: readonly AugmentationSpec[]): BatchBuffers {
    const request = { prepared: folder, samples, batchSize: 1, classes: 1, seed: 1, epoch, startStep: 0, augmentations };
    return new BatchMaker(request).next()?.buffers ?? fail();
  }

  it('has no mask where an earlier movement took the image out of the square', async () => {
    const set = await diskSet(257, 257);
    const shift: AugmentationSpec = { name: 'shiftScaleRotate', probability: 1, shift: 0.5, scale: 0, degrees: 20 };
    // Noise that is too weak to see prevents the two movements from becoming one pass.
    const parted: AugmentationSpec[] = [shift, { name: 'gaussianNoise', probability: 1, sigma: 1e-6 }, shift];
    const area = ({ targets }: BatchBuffers): number => targets.reduce((sum, value) => sum + value / 255, 0);
    let cut = 0;
    for (let epoch = 0; epoch < 40; epoch++) {
      const drawn = diskIn(set, epoch, parted);
      const difference = drawn.images.reduce((sum, bright, i) => sum + Math.abs(bright - (drawn.targets[i] ?? 0) / 255), 0);
      // The whole disk has 720 pixels; sampling twice blurs its edge.
      expect(difference).toBeLessThan(100);
      if (area(drawn) < area(diskIn(set, epoch, [shift, shift])) - 150) cut++;
    }
    expect(cut).toBeGreaterThan(3);
  });

  it.each([
    { width: 257, height: 257 },
    { width: 190, height: 301 },
    { width: 301, height: 222 },
  ])('keeps a bright disk under its mask on a $width × $height image', async ({ width, height }) => {
    const set = await diskSet(width, height);
    for (let epoch = 0; epoch < 25; epoch++) {
      const { images, targets } = diskIn(set, epoch, moving);
      const centre = { image: [0, 0, 0], mask: [0, 0, 0] };
      let difference = 0;
      for (let i = 0; i < images.length; i++) {
        const [bright, covered] = [images[i] as number, (targets[i] as number) / 255];
        difference += Math.abs(bright - covered);
        for (const [sums, value] of [
          [centre.image, bright],
          [centre.mask, covered],
        ] as const) {
          sums[0] = (sums[0] ?? 0) + value;
          sums[1] = (sums[1] ?? 0) + value * (i % 96);
          sums[2] = (sums[2] ?? 0) + value * Math.floor(i / 96);
        }
      }
      const [imageArea = 0, imageX = 0, imageY = 0] = centre.image;
      const [maskArea = 0, maskX = 0, maskY = 0] = centre.mask;
      expect(maskArea).toBeGreaterThan(100);
      // Resampling blurs the edge; only the rounding of vertices to image pixels moves the centre of gravity.
      expect(difference / maskArea).toBeLessThan(0.08);
      expect(Math.hypot(imageX / imageArea - maskX / maskArea, imageY / imageArea - maskY / maskArea)).toBeLessThan(0.1);
      expect(imageArea / maskArea).toBeCloseTo(1, 1);
    }
  });
});

function fail(): never {
  throw new Error('unknown sample');
}
