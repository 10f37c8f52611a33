import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { randomFor } from '../random.ts';
import { checkSubmission } from './check-submission.ts';
import { type PredictOptions, predict } from './predict.ts';
import { SubmissionFile } from './submission-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-predict-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const images = join(folder, 'images');
const classes = ['Radius', 'Ulna', 'Lunate'];

type Facts = {
  readonly name?: string;
  readonly classNames?: readonly string[];
  readonly inputSize?: string;
  readonly seed?: number;
  readonly width?: number;
};

/** A weights file of a small network that was never trained. */
function weights(file: string, { name = 'SlimUNet', classNames = classes, inputSize = '32', seed = 1, width = 4 }: Facts = {}): string {
  const options = { width: 4, depth: 2 };
  const model = buildModel({ name: 'SlimUNet', options, classes: classNames.length, seed });
  const arrays = readWeights(model);
  model.dispose();
  const random = randomFor(seed, 'weights');
  for (const { data } of arrays.values()) for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + random.range(0, 0.2);
  const path = join(folder, file);
  const metadata = {
    model: name,
    options: JSON.stringify(name === 'UNet' ? {} : { ...options, width }),
    classes: JSON.stringify(classNames),
    inputSize,
  };
  writeFileSync(path, encodeSafetensors(arrays, metadata));
  return path;
}

const optionsOf = (changes: Partial<PredictOptions>): PredictOptions => {
  const views: PredictOptions['views'] = ['identity', 'flipHorizontal'];
  return { weights: [], images, out: join(folder, 'out.csv'), threshold: 0.5, views, ...changes };
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
  it('writes a valid submission and an overlay for images of any size and depth, by the vote of several weights', async () => {
    const overlays = join(folder, 'overlays');
    const result = await predict(optionsOf({ weights: [weights('a.safetensors'), weights('b.safetensors', { seed: 2 })], overlays }));
    expect(result.images).toBe(3);
    const check = await checkSubmission(join(folder, 'out.csv'), images, classes);
    expect(check).toMatchObject({ valid: true, rows: 9 });
    expect(readdirSync(overlays).sort()).toEqual(['sixteen.png', 'small.png', 'wide.png']);
  });

  it('gives one network twice the same masks as once', async () => {
    const path = weights('a.safetensors');
    const rowsOf = async (given: readonly string[]): Promise<string[]> => {
      await predict(optionsOf({ weights: given, threshold: 0.45 }));
      const file = await SubmissionFile.open(join(folder, 'out.csv'));
      const texts: string[] = [];
      for (const row of file.rows) texts.push(await file.readRle(row));
      await file.close();
      return texts;
    };
    expect(await rowsOf([path, path])).toEqual(await rowsOf([path]));
  });

  it.each<[string, () => Partial<PredictOptions>, string]>([
    [
      'weights of other classes',
      () => ({ weights: [weights('a.safetensors'), weights('c.safetensors', { classNames: ['Radius', 'Ulna', 'Elbow'] })] }),
      'weights-mismatch',
    ],
    [
      'weights of another input size',
      () => ({ weights: [weights('a.safetensors'), weights('c.safetensors', { inputSize: '64' })] }),
      'weights-mismatch',
    ],
    ['weights of another network', () => ({ weights: [weights('c.safetensors', { name: 'UNet' })] }), 'weights-mismatch'],
    ['weights of an unknown network', () => ({ weights: [weights('c.safetensors', { name: 'OctopusNet' })] }), 'model-unknown'],
    ['weights without an input size', () => ({ weights: [weights('c.safetensors', { inputSize: 'large' })] }), 'weights-invalid'],
    ['weights of a network beyond all bounds', () => ({ weights: [weights('c.safetensors', { width: 1e9 })] }), 'weights-invalid'],
    ['weights that are not there', () => ({ weights: [join(folder, 'none.safetensors')] }), 'weights-invalid'],
    ['no images', () => ({ weights: [weights('a.safetensors')], images: join(folder, 'nothing') }), 'dataset-missing'],
  ])('refuses %s and writes nothing', async (_, change, code) => {
    const out = join(folder, 'refused.csv');
    await expect(predict(optionsOf({ ...change(), out }))).rejects.toMatchObject({ code });
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
    const out = join(folder, 'refused.csv');
    const work = predict(optionsOf({ weights: [weights('a.safetensors')], images: damaged, out }));
    await expect(work).rejects.toMatchObject({ code: 'image-unreadable', where: join(damaged, 'b.png') });
    expect(readdirSync(folder).filter((name) => name.startsWith('refused'))).toEqual([]);
  });
});
