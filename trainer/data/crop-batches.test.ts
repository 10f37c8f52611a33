/** Batches of parts of the prepared images: crops drawn for training, and windows for validation. */
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import type { AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import type { Crop } from '@carpal/masks/fit.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { annotationText, circle, greyPng, writeUnder } from '@carpal/report/dataset/testing/small-dataset.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatchMaker, type BatchOptions, type MadeBatch } from './batch-maker.ts';
import { openBatches } from './batches.ts';
import { prepareDataset } from './prepare.ts';

const SIZE = 96;
const CLASSES = ['Lunate', 'Radius'];
let root = '';
let set: PreparedSet;

/** Portrait, landscape and square images with a bright and a grey disk, prepared at 96 px. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-crops-'));
  const [folder, artifacts] = [join(root, 'data'), join(root, 'artifacts')];
  const shapes = [
    [190, 301],
    [301, 222],
    [257, 257],
    [240, 240],
    [192, 192],
  ] as const;
  for (const [index, [width, height]] of shapes.entries()) {
    const [x, y, radius, greyRadius] = [70 + 10 * index, 80, 40, 30];
    const grey = (px: number, py: number): number => {
      if (Math.hypot(px - x, py - y) <= radius + 0.5) return 255;
      return Math.hypot(px - 120, py - 160) <= greyRadius + 0.5 ? 128 : (px + py) % 40;
    };
    await writeUnder(folder, `train/DCM/ID${index}/a${index}.png`, await greyPng(width, height, grey));
    const bones = { Lunate: circle(x, y, radius), Radius: circle(120, 160, greyRadius) };
    await writeUnder(folder, `train/outputs_json/ID${index}/a${index}.json`, annotationText(bones));
  }
  set = await prepareDataset({ folder, size: SIZE, classes: CLASSES, store: openFolderStore(artifacts), namespace: 'default' });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const MOVEMENTS: readonly AugmentationSpec[] = [
  { name: 'flipHorizontal', probability: 0.5 },
  { name: 'shiftScaleRotate', probability: 1, shift: 0.1, scale: 0.3, degrees: 60 },
  { name: 'brightnessContrast', probability: 0.5 },
  { name: 'elastic', probability: 0.5, alpha: 0.05, sigma: 0.1 },
  { name: 'gridDistortion', probability: 0.5, limit: 0.3 },
];
const EVERYTHING: readonly AugmentationSpec[] = [
  { name: 'gaussianBlur', probability: 0.5 },
  ...MOVEMENTS,
  { name: 'clahe', probability: 0.5, tiles: 2 },
  { name: 'rotate', probability: 0.5 },
  { name: 'gaussianNoise', probability: 0.5 },
];

const optionsFor = (more: Partial<BatchOptions> = {}): BatchOptions => ({
  prepared: set.folder,
  samples: set.samples,
  batchSize: 2,
  classes: CLASSES.length,
  seed: 5,
  epoch: 1,
  augmentations: EVERYTHING,
  parts: { kind: 'crop', size: 32, sampling: 'foreground' },
  ...more,
});

type Kept = { readonly names: readonly string[]; readonly images: Float32Array; readonly targets: Uint8Array };

async function walk(options: BatchOptions): Promise<Kept[]> {
  const kept: Kept[] = [];
  for await (const { samples, images, targets } of openBatches(options))
    kept.push({ names: samples.map(({ imageName }) => imageName), images: images.slice(), targets: targets.slice() });
  return kept;
}

/** The part of `values`, `[SIZE, SIZE, channels]`, that a crop shows. */
function cutOut(values: ArrayLike<number>, { left, top, size }: Crop, channels: number): number[] {
  return Array.from({ length: size * size * channels }, (_, index) => {
    const [pixel, channel] = [Math.floor(index / channels), index % channels];
    return values[((top + Math.floor(pixel / size)) * SIZE + left + (pixel % size)) * channels + channel] as number;
  });
}

describe('a part of a moved image', () => {
  it('equals, image and mask, the same part of the whole moved image', () => {
    const windows: Crop[] = [
      { left: 0, top: 0, size: 40 },
      { left: 17, top: 41, size: 40 },
      { left: 56, top: 56, size: 40 },
    ];
    let moved = 0;
    for (let epoch = 0; epoch < 6; epoch++) {
      const request = { ...optionsFor({ epoch, augmentations: MOVEMENTS, batchSize: 1 }) };
      for (const sample of set.samples) {
        const make = (more: Partial<BatchOptions>): MadeBatch =>
          new BatchMaker({ ...request, samples: [sample], ...more }).next() ?? fail();
        const { parts: _, ...noParts } = request;
        const whole = new BatchMaker({ ...noParts, samples: [sample] }).next() ?? fail();
        for (const window of windows) {
          const part = make({ parts: { kind: 'windows', size: window.size, windows: [window] } }).buffers;
          expect([...part.images]).toEqual(cutOut(whole.buffers.images, window, 1));
          // Only the offset of the crop is rounded in another way.
          const differences = cutOut(whole.buffers.targets, window, 2).map((value, at) => Math.abs(value - (part.targets[at] as number)));
          expect(Math.max(...differences)).toBeLessThanOrEqual(1);
          if (part.targets.some((value) => value > 0)) moved++;
        }
      }
    }
    expect(moved).toBeGreaterThan(30);
  });

  it('has each bone under its mask when blur and noise come between two movements', () => {
    for (let epoch = 0; epoch < 20; epoch++) {
      const options = optionsFor({
        epoch,
        batchSize: set.samples.length,
        augmentations: EVERYTHING.filter(({ name }) => name !== 'clahe'),
      });
      const { images, targets } = new BatchMaker(options).next()?.buffers ?? fail();
      const inside = (channel: number): readonly number[] => [...images].filter((_, at) => targets[2 * at + channel] === 255);
      const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean(inside(0))).toBeGreaterThan(mean(inside(1)) + 0.2);
    }
  });
});

describe('openBatches with crops', () => {
  it('draws the same crops on a thread, without one, in any batches, and after an interruption', async () => {
    const whole = await walk(optionsFor());
    expect(await walk(optionsFor({ ahead: 0 }))).toEqual(whole);
    expect(await walk(optionsFor({ startStep: 1 }))).toEqual(whole.slice(1));
    const pixels = 32 * 32;
    const byName = async (more: Partial<BatchOptions>): Promise<Record<string, Float32Array>> =>
      Object.fromEntries(
        (await walk(optionsFor(more))).flatMap(({ names, images }) =>
          names.map((name, at) => [name, images.slice(at * pixels, (at + 1) * pixels)]),
        ),
      );
    const first = await byName({});
    expect(await byName({ shuffle: false, batchSize: 3 })).toEqual(first);
    expect(await byName({ epoch: 2 })).not.toEqual(first);
    expect(await byName({ seed: 6 })).not.toEqual(first);
    const maker = new BatchMaker({ ...optionsFor(), samples: whole.flatMap(({ names }) => names.map(sampleNamed)) });
    expect(maker.next()?.buffers.images).toEqual(whole[0]?.images);
  });

  it('shows every class over an epoch', async () => {
    const seen = new Set<number>();
    for (const { targets } of await walk(optionsFor({ augmentations: [] })))
      for (const [at, value] of targets.entries()) if (value > 0) seen.add(at % 2);
    expect(seen).toEqual(new Set([0, 1]));
  });

  it('gives the whole image if the crop is as large as the image', async () => {
    const [crops, images] = [
      optionsFor({ augmentations: MOVEMENTS, parts: { kind: 'crop', size: SIZE, sampling: 'uniform' } }),
      optionsFor({ augmentations: MOVEMENTS }),
    ];
    const { parts: _, ...whole } = images;
    expect(await walk(crops)).toEqual(await walk(whole));
  });

  it('reports a damaged image, and crops that are larger than the images', async () => {
    const options = optionsFor({ samples: set.samples.slice(0, 1), parts: { kind: 'crop', size: SIZE + 1, sampling: 'uniform' } });
    await expect(walk(options)).rejects.toMatchObject({
      code: 'prepared-invalid',
      message: 'the images of the set have 96 px, less than a crop of 97 px',
    });
  });
});

describe('openBatches with windows', () => {
  const windows: Crop[] = [
    { left: 0, top: 0, size: 48 },
    { left: 48, top: 0, size: 48 },
    { left: 10, top: 48, size: 48 },
  ];

  it('gives every sample once for each window, in order, over the borders of batches', async () => {
    const options = optionsFor({ augmentations: [], parts: { kind: 'windows', size: 48, windows } });
    expect(openBatches(options).steps).toBe(8);
    const batches = await walk(options);
    expect(batches.map(({ names }) => names.length)).toEqual([2, 2, 2, 2, 2, 2, 2, 1]);
    const shown = batches.flatMap(({ names, images }) =>
      names.map((name, at) => ({ name, image: images.slice(at * 48 * 48, (at + 1) * 48 * 48) })),
    );
    expect(shown.map(({ name }) => name)).toEqual(set.samples.flatMap(({ imageName }) => windows.map(() => imageName)));
    for (const [index, { name, image }] of shown.entries()) {
      const pixels = Float32Array.from(await set.readImage(sampleNamed(name)), (value) => value / 255);
      expect([...image]).toEqual(cutOut(pixels, windows[index % 3] ?? fail(), 1));
    }
    expect(await walk({ ...options, startStep: 3 })).toEqual(batches.slice(3));
  });

  it('throws prepared-invalid for an image file that is too short', async () => {
    const file = join(set.folder, 'images/a4.png.u8');
    await truncate(file, SIZE * SIZE - 1);
    const options = optionsFor({ augmentations: [], samples: [sampleNamed('a4.png')], parts: { kind: 'windows', size: 48, windows } });
    await expect(walk(options)).rejects.toMatchObject({ code: 'prepared-invalid', where: file });
  });
});

function sampleNamed(name: string): PreparedSet['samples'][number] {
  return set.samples.find(({ imageName }) => imageName === name) ?? fail();
}

function fail(): never {
  throw new Error('unknown sample');
}
