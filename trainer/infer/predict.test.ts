import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import { cleaned } from '@carpal/masks/cleaning.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { formatRle, parseRle } from '@carpal/masks/rle-text.ts';
import { dicomFile } from '@carpal/report/dataset/testing/dicom-file.ts';
import { checkSubmission } from '@carpal/report/scoring/check-submission.ts';
import { submissionRows } from '@carpal/report/scoring/testing/submission-rows.ts';
import { voteSubmissions } from '@carpal/report/scoring/vote-submissions.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import type { WeightsChoice } from './networks.ts';
import { type PredictOptions, predict } from './predict.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-predict-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const images = join(folder, 'images');
const out = join(folder, 'out.csv');
const refused = join(folder, 'refused.csv');
const classes = ['Radius', 'Ulna', 'Lunate'];

type Facts = {
  readonly name?: string;
  readonly classNames?: readonly string[];
  readonly inputSize?: string;
  readonly normalize?: string;
  readonly seed?: number;
  readonly options?: { readonly width: number; readonly depth: number };
  /** The width that the metadata claims, if it differs from the real one. */
  readonly claimedWidth?: number;
  readonly firstValue?: number;
};

/** The weights file of a small untrained network. */
function weightsBytes({ name = 'SlimUNet', classNames = classes, inputSize = '32', seed = 1, ...facts }: Facts): Buffer {
  const { options = { width: 4, depth: 2 }, claimedWidth = options.width, firstValue, normalize } = facts;
  const model = buildModel({ name: 'SlimUNet', options, classes: classNames.length, seed });
  const arrays = readWeights(model);
  model.dispose();
  const random = randomFor(seed, 'weights');
  for (const [key, { data }] of arrays) {
    if (key.includes('moving')) continue;
    // The head starts with a bias towards "no bone". Without it, masks are neither empty nor full.
    for (let i = 0; i < data.length; i++) data[i] = (key === 'model/head/bias' ? 0 : (data[i] as number)) + random.range(-0.8, 0.8);
  }
  if (firstValue !== undefined) for (const { data } of arrays.values()) data[0] = firstValue;
  const claims = JSON.stringify(name === 'UNet' ? {} : { ...options, width: claimedWidth });
  return encodeSafetensors(arrays, {
    model: name,
    options: claims,
    classes: JSON.stringify(classNames),
    inputSize,
    ...(normalize === undefined ? {} : { normalize }),
  });
}

/** A weights file in the folder, with weight 1. */
function of(file: string, facts: Facts = {}): WeightsChoice {
  const path = join(folder, file);
  writeFileSync(path, weightsBytes(facts));
  return { path, weight: 1 };
}

/** The checkpoint folder of a finished fold. */
function writeFold(checkpoint: string, facts: Facts): void {
  mkdirSync(checkpoint, { recursive: true });
  const bytes = weightsBytes(facts);
  const weights = { file: 'best.safetensors', sha256: createHash('sha256').update(bytes).digest('hex') };
  const record: CheckpointRecord = {
    version: 1,
    writer: '',
    trains: 'a',
    prepared: 'b',
    finished: true,
    epoch: 2,
    step: 0,
    ended: 'epochs',
    running: { loss: 0, images: 0, seconds: 0, waitSeconds: 0 },
    last: weights,
    best: { ...weights, epoch: 1, dice: 0.5 },
    engines: [],
    schedule: null,
    earlyStop: { reference: null, referenceEpoch: 0 },
  };
  writeFileSync(join(checkpoint, weights.file), bytes);
  writeFileSync(join(checkpoint, 'state.json'), JSON.stringify(record));
}

/** The run-length texts of the submission, ordered by image and class. */
async function readMasks(): Promise<string[]> {
  return (await submissionRows(out)).map(([, , rle]) => rle);
}

async function masksBy(changes: Partial<PredictOptions>): Promise<string[]> {
  await predict(optionsOf(changes));
  return await readMasks();
}

/** The number of pixels in only one of the two masks. */
function differingPixels(first: ReadonlySet<number>, second: ReadonlySet<number>): number {
  const shared = [...first].filter((pixel) => second.has(pixel)).length;
  return first.size + second.size - 2 * shared;
}

/** The pixels of a run-length text. */
function pixelsOf(text: string): Set<number> {
  const numbers = text === '' ? [] : text.split(' ').map(Number);
  const pixels = new Set<number>();
  for (let i = 0; i < numbers.length; i += 2) {
    for (let k = 0; k < (numbers[i + 1] ?? 0); k++) pixels.add((numbers[i] ?? 0) + k);
  }
  return pixels;
}

const windowed = (size: number, sheetSize?: number): PredictOptions['viewing'] => {
  const window = { size, stride: size, weights: 'uniform', sheetSize } as const;
  return { views: ['identity'], degrees: 10, scale: 0.25, window };
};

const optionsOf = (changes: Partial<PredictOptions>): PredictOptions => {
  const viewing: PredictOptions['viewing'] = { views: ['identity', 'flipHorizontal'], degrees: 10, scale: 0.25 };
  return { weights: [], method: 'soft', images, out, thresholds: 0.5, viewing, ...changes };
};

beforeAll(async () => {
  mkdirSync(join(images, 'deeper'), { recursive: true });
  const noise = (length: number): Uint16Array => {
    const random = randomFor(3, 'pixels');
    return Uint16Array.from({ length }, () => random.integer(65536));
  };
  await sharp(noise(40 * 61), { raw: { width: 40, height: 61, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toFile(join(images, 'sixteen.png'));
  await sharp({ create: { width: 90, height: 50, channels: 3, background: '#556655' } })
    .png()
    .toFile(join(images, 'deeper', 'wide.png'));
  await sharp({ create: { width: 12, height: 12, channels: 3, background: '#ffffff' } })
    .toColourspace('b-w')
    .png()
    .toFile(join(images, 'small.png'));
});

describe('predict', () => {
  it('normalizes images as the metadata of its weights says, at full depth', async () => {
    const place = join(folder, 'ranges');
    mkdirSync(place);
    const random = randomFor(9, 'greys');
    const greys = Uint16Array.from({ length: 40 * 40 }, () => random.integer(256));
    const deep = async (name: string, levelOf: (grey: number) => number): Promise<void> => {
      const image = sharp(greys.map(levelOf), { raw: { width: 40, height: 40, channels: 1 } });
      await image.toColourspace('grey16').png().toFile(join(place, name));
    };
    await deep('narrow.png', (grey) => 30_000 + grey);
    await deep('whole.png', (grey) => grey * 257);
    const masksWith = async (normalize: string): Promise<[string[], string[]]> => {
      const masks = await masksBy({ weights: [of(`${normalize}.safetensors`, { normalize })], images: place });
      return [masks.slice(0, classes.length), masks.slice(classes.length)];
    };
    // Pixels in one of the two masks only, over all classes. Bytes that are rounded from other numbers differ now and then.
    const differing = async (normalize: string): Promise<number> => {
      const [narrow, whole] = await masksWith(normalize);
      expect(whole.every((mask) => pixelsOf(mask).size > 0)).toBe(true);
      const sizes = narrow.map((mask, index) => differingPixels(pixelsOf(mask), pixelsOf(whole[index] ?? '')));
      return sizes.reduce((sum, size) => sum + size, 0);
    };
    expect(await differing('unit')).toBeGreaterThan(500);
    expect(await differing('percentile')).toBeLessThan(10);
    expect(await differing('perImage')).toBeLessThan(10);
  });

  it('predicts JPEG and DICOM files like PNGs, with their file names', async () => {
    const place = join(folder, 'formats');
    mkdirSync(place);
    const random = randomFor(9, 'greys');
    const values = Uint8Array.from({ length: 40 * 40 }, () => random.integer(256));
    const raw = () => sharp(values, { raw: { width: 40, height: 40, channels: 1 } }).toColourspace('b-w');
    await raw().png().toFile(join(place, 'a.png'));
    writeFileSync(join(place, '1.2.840.3'), dicomFile({ width: 40, height: 40, values, bitsAllocated: 8, bitsStored: 8 }));
    await raw().jpeg({ quality: 100 }).toFile(join(place, 'c.jpg'));
    await predict(optionsOf({ weights: [of('formats.safetensors')], images: place }));
    const rows = await submissionRows(out);
    const rowsOf = (name: string): unknown[] => rows.filter(([imageName]) => imageName === name).map(([, ...row]) => row);
    expect(rowsOf('1.2.840.3')).toEqual(rowsOf('a.png'));
    expect(rowsOf('c.jpg')).toHaveLength(classes.length);
  });

  it('writes a valid submission and overlays for images of any size and bit depth, from a vote of several networks', async () => {
    const overlays = join(folder, 'overlays');
    const result = await predict(optionsOf({ weights: [of('a.safetensors'), of('b.safetensors', { seed: 2 })], overlays }));
    expect(result.images).toBe(3);
    const check = await checkSubmission(out, images, classes);
    expect(check).toMatchObject({ valid: true, rows: 9 });
    expect(readdirSync(overlays).sort()).toEqual(['sixteen.png', 'small.png', 'wide.png']);
  });

  it('keeps overlays apart for images whose names differ only by their extension', async () => {
    const [twins, overlays] = [join(folder, 'twins'), join(folder, 'twin-overlays')];
    mkdirSync(twins);
    for (const name of ['a.png', 'a.tif', 'b.png']) {
      await sharp({ create: { width: 32, height: 32, channels: 3, background: '#556655' } }).toFile(join(twins, name));
    }
    await predict(optionsOf({ weights: [of('a.safetensors')], images: twins, overlays }));
    expect(readdirSync(overlays).sort()).toEqual(['a.png.png', 'a.tif.png', 'b.png']);
  });

  it.each(['soft', 'hard'] as const)('writes the same masks for one network given once or twice, in a %s vote', async (method) => {
    const twice = await masksBy({ weights: [of('a.safetensors'), of('a.safetensors')], method, thresholds: 0.45 });
    expect(twice).toEqual(await masksBy({ weights: [of('a.safetensors')], method, thresholds: 0.45 }));
  });

  it('accepts networks of different architectures and input sizes, in any order', async () => {
    const [small, large] = [of('a.safetensors'), of('d.safetensors', { options: { width: 6, depth: 3 }, inputSize: '64', seed: 4 })];
    const both = await masksBy({ weights: [small, large] });
    expect(both).toEqual(await masksBy({ weights: [large, small] }));
    expect(both).not.toEqual(await masksBy({ weights: [small] }));
    expect(both).not.toEqual(await masksBy({ weights: [large] }));
  });

  it.each(['soft', 'hard'] as const)('follows a network that has nearly all the weight, in a %s vote', async (method) => {
    const [one, other] = [of('a.safetensors'), of('b.safetensors', { seed: 2 })];
    const decided = await masksBy({
      weights: [
        { ...one, weight: 1e9 },
        { ...other, weight: 1e-9 },
      ],
      method,
    });
    expect(decided).toEqual(await masksBy({ weights: [one] }));
  });

  it('makes a hard vote equal to a vote over the submissions of the single networks', async () => {
    const voters = [1, 2, 3].map((seed) => of(`${seed}.safetensors`, { seed }));
    const files: string[] = [];
    for (const [index, voter] of voters.entries()) {
      files.push(join(folder, `voter-${index}.csv`));
      await predict(optionsOf({ weights: [voter], out: files.at(-1) as string }));
    }
    await voteSubmissions({ files, out });
    const voted = await readMasks();
    expect(await masksBy({ weights: voters, method: 'hard' })).toEqual(voted);
    expect(voted.some((text) => text !== '')).toBe(true);
  });

  it('excludes pixels on which two networks disagree from a hard vote', async () => {
    const [one, other] = [of('a.safetensors'), of('b.safetensors', { seed: 2 })];
    const both = (await masksBy({ weights: [one, other], method: 'hard' })).map(pixelsOf);
    const [first, second] = [(await masksBy({ weights: [one] })).map(pixelsOf), (await masksBy({ weights: [other] })).map(pixelsOf)];
    expect(both).toEqual(first.map((pixels, index) => new Set([...pixels].filter((pixel) => second[index]?.has(pixel)))));
  });

  it('thresholds and cleans each class according to a thresholds file', async () => {
    const file = join(folder, 'thresholds.json');
    const entries = { Lunate: { threshold: 0.55, cleaning: 'largest+fill' }, Radius: 0.4, Ulna: { threshold: 0.5 } };
    writeFileSync(file, JSON.stringify(entries));
    const weight = [of('a.safetensors')];
    const masks = await masksBy({ weights: weight, thresholds: file });
    const at = async (threshold: number): Promise<string[]> => masksBy({ weights: weight, thresholds: threshold });
    const [low, middle, high] = [await at(0.4), await at(0.5), await at(0.55)];
    const sizes = [
      [40, 61],
      [12, 12],
      [90, 50],
    ] as const;
    for (const [image, [width, height]] of sizes.entries()) {
      const lunate = cleaned(parseRle(high[3 * image + 2] ?? '', width, height), 'largest+fill');
      expect(masks.slice(3 * image, 3 * image + 3)).toEqual([low[3 * image], middle[3 * image + 1], formatRle(lunate)]);
    }
    expect(masks).not.toEqual([low, middle, high].flatMap((_, image) => [low[3 * image], middle[3 * image + 1], high[3 * image + 2]]));
  });

  it('uses the best weights of each fold for an experiment folder', async () => {
    const experiment = join(folder, 'experiment');
    for (const [fold, seed] of [1, 2].entries()) writeFold(join(experiment, 'folds', String(fold), 'checkpoint'), { seed });
    const single = [of('a.safetensors', { seed: 1 }), of('b.safetensors', { seed: 2 })];
    expect(await masksBy({ weights: [{ path: experiment, weight: 1 }] })).toEqual(await masksBy({ weights: single }));
  });

  it.each<[string, () => Partial<PredictOptions>, string]>([
    [
      'weights of other classes',
      () => ({ weights: [of('a.safetensors'), of('c.safetensors', { classNames: ['Radius', 'Ulna', 'Elbow'] })] }),
      'weights-mismatch',
    ],
    ['weights of another network', () => ({ weights: [of('c.safetensors', { name: 'UNet' })] }), 'weights-mismatch'],
    ['weights of an unknown network', () => ({ weights: [of('c.safetensors', { name: 'OctopusNet' })] }), 'model-unknown'],
    ['weights without an input size', () => ({ weights: [of('c.safetensors', { inputSize: 'large' })] }), 'weights-invalid'],
    ['weights of a network that is too large', () => ({ weights: [of('c.safetensors', { claimedWidth: 1e9 })] }), 'weights-invalid'],
    ['weights with an unknown normalization', () => ({ weights: [of('c.safetensors', { normalize: 'log' })] }), 'weights-invalid'],
    ['weights with NaN', () => ({ weights: [of('a.safetensors'), of('c.safetensors', { firstValue: Number.NaN })] }), 'weights-invalid'],
    ['weights with infinity', () => ({ weights: [of('c.safetensors', { firstValue: Number.POSITIVE_INFINITY })] }), 'weights-invalid'],
    ['a weights file that does not exist', () => ({ weights: [{ path: join(folder, 'none.safetensors'), weight: 1 }] }), 'weights-invalid'],
    ['a folder without folds', () => ({ weights: [{ path: images, weight: 1 }] }), 'weights-invalid'],
    [
      'a thresholds file that does not exist',
      () => ({ weights: [of('a.safetensors')], thresholds: join(folder, 'no.json') }),
      'thresholds-invalid',
    ],
    ['a window size that does not fit a network', () => ({ weights: [of('a.safetensors')], viewing: windowed(33) }), 'usage-invalid'],
    [
      'a window that is larger than the image in training',
      () => ({ weights: [of('a.safetensors')], viewing: windowed(64) }),
      'usage-invalid',
    ],
    [
      'windows at another scale than that of the training',
      () => ({ weights: [of('a.safetensors')], viewing: windowed(32, 64) }),
      'usage-invalid',
    ],
    ['no images', () => ({ weights: [of('a.safetensors')], images: join(folder, 'nothing') }), 'dataset-missing'],
  ])('rejects %s and writes nothing', async (_, change, code) => {
    await expect(predict(optionsOf({ ...change(), out: refused }))).rejects.toMatchObject({ code });
    expect(readdirSync(folder).filter((name) => name.startsWith('refused'))).toEqual([]);
  });

  it('names a damaged image and leaves no submission', async () => {
    const damaged = join(folder, 'damaged');
    mkdirSync(damaged);
    const whole = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    writeFileSync(join(damaged, 'a.png'), whole);
    writeFileSync(join(damaged, 'b.png'), whole.subarray(0, whole.length / 2));
    const work = predict(optionsOf({ weights: [of('a.safetensors')], images: damaged, out: refused }));
    await expect(work).rejects.toMatchObject({ code: 'image-unreadable', where: join(damaged, 'b.png') });
    expect(readdirSync(folder).filter((name) => name.startsWith('refused'))).toEqual([]);
  });
});
