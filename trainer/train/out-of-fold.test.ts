import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { parseThresholdSums } from '@carpal/artifacts/thresholds.ts';
import { FILE } from '@carpal/configs/names.ts';
import { CLEANINGS, cleanedEveryWay } from '@carpal/masks/cleaning.ts';
import { dice } from '@carpal/masks/measure.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { parseRle } from '@carpal/masks/rle-text.ts';
import { openPrepared, type PreparedSet, preparedPolygonFile } from '@carpal/report/dataset/prepared-set.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Voter } from '../infer/image-logits.ts';
import { nextTurn } from '../infer/pause.ts';
import { runPrepare } from '../stages/prepare.ts';
import { findPrepared } from '../stages/prepared-note.ts';
import { TruthMasks } from './image-dice.ts';
import { isPredictedWith, type OutOfFold, writeOutOfFold } from './out-of-fold.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

const SIZE = 32;
const PEOPLE = 5;
const KEY = 'fold';

let folder = '';
let prepared: PreparedSet;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-out-of-fold-test-'));
  await writeTinyDataset(join(folder, 'data'), PEOPLE);
  const experiment = tinyExperiment(join(folder, 'data'));
  const store = openStore(folder);
  await runPrepare({ experiment, store, clock: Date.now });
  prepared = await findPrepared(experiment, store);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * A network that outputs noise for one class and constant logits for all others, the same for each call number. Passes each output to
 * `seen`.
 */
function noisyNetwork(seen: (logits: Float32Array) => void = () => undefined): Voter {
  let calls = 0;
  const run = (_: Float32Array, count: number, size: number): Float32Array => {
    const random = randomFor(++calls, 'logits');
    const classes = prepared.classes.length;
    const logits = new Float32Array(count * size * size * classes).fill(-9);
    for (let i = prepared.classes.indexOf('Radius'); i < logits.length; i += classes) logits[i] = random.range(-2, 2);
    seen(logits);
    return logits;
  };
  return { predictor: { run, dispose: () => undefined }, inputSize: SIZE, imageSize: SIZE, sizeMultiple: 1 };
}

function requestOf(network: Voter, threshold = 0.5): OutOfFold {
  const viewing = { views: ['identity', 'flipHorizontal'], degrees: 10, scale: 0.25 } as const;
  return { samples: prepared.samples, prepared, network, viewing, threshold, pause: nextTurn };
}

describe('writeOutOfFold', () => {
  it('sums the Dice of every threshold and cleaning over the masks that it writes, for each group of people', async () => {
    const store = openStore(folder);
    const network = noisyNetwork();
    const figures = await writeOutOfFold(requestOf(network, 0.45), store, KEY);
    const sums = parseThresholdSums((await store.read(`${KEY}/${FILE.outOfFoldThresholds}`)).toString());
    expect(sums?.groups.map(({ group, images }) => [group, images])).toEqual([0, 1, 2, 3, 4].map((group) => [group, 2]));
    const radius = prepared.classes.indexOf('Radius');
    const expected = CLEANINGS.map(() => 0);
    const rows = (await readFile(join(folder, KEY, FILE.outOfFoldPredictions), 'utf8')).trimEnd().split('\n').slice(1);
    for (const sample of prepared.samples) {
      const row = rows.find((text) => text.startsWith(`${sample.imageName},Radius,`)) ?? '';
      const mask = parseRle(row.slice(row.lastIndexOf(',') + 1), sample.width, sample.height);
      const [truth] = (await new TruthMasks(prepared).of(sample)).slice(radius);
      for (const [way, result] of cleanedEveryWay(mask).entries()) expected[way] = (expected[way] ?? 0) + dice(result, truth ?? mask);
    }
    const found = CLEANINGS.map((way) => {
      const place = (way === 'none' ? sums?.thresholds : sums?.cleanedThresholds)?.indexOf(0.45) ?? -1;
      return sums?.groups.reduce((sum, group) => sum + ((way === 'none' ? group.dice : group.cleaned[way])[radius]?.[place] ?? 0), 0);
    });
    for (const [way, sum] of found.entries()) expect(sum).toBeCloseTo(expected[way] ?? Number.NaN, 6);
    expect(new Set(expected).size).toBeGreaterThan(1);
    expect(figures[radius]?.dice).toBeCloseTo((expected[0] ?? Number.NaN) / (2 * PEOPLE), 12);
  });

  it('writes the same bytes with any number of threads', async () => {
    const written: string[][] = [];
    for (const threads of [0, 1, 3]) {
      const store = openStore(join(folder, `threads-${threads}`));
      await writeOutOfFold({ ...requestOf(noisyNetwork()), threads }, store, KEY);
      const names = [FILE.outOfFoldPredictions, FILE.outOfFoldThresholds, FILE.outOfFoldCalibration];
      written.push(await Promise.all(names.map(async (name) => (await store.read(`${KEY}/${name}`)).toString())));
    }
    expect(written[1]).toEqual(written[0]);
    expect(written[2]).toEqual(written[0]);
  });

  it.each([0, 2])('throws the error of an annotation that cannot be read, with %i threads', async (threads) => {
    const copy = join(folder, `damaged-${threads}`);
    await cp(prepared.folder, copy, { recursive: true });
    await writeFile(join(copy, preparedPolygonFile(prepared.samples[3]?.imageName ?? '')), 'x');
    const request = { ...requestOf(noisyNetwork()), prepared: await openPrepared(copy), threads };
    const store = openStore(join(folder, `unwritten-${threads}`));
    await expect(writeOutOfFold(request, store, KEY)).rejects.toMatchObject({ code: 'prepared-invalid' });
    expect(await store.list(KEY)).toEqual([]);
  });

  it('names the inference that made the files, and none while the files are of two kinds', async () => {
    const store = openStore(join(folder, 'named'));
    const [first, second] = [requestOf(noisyNetwork(), 0.5), requestOf(noisyNetwork(), 0.3)];
    expect(await isPredictedWith(store, KEY, first)).toBe(false);
    await writeOutOfFold(first, store, KEY);
    expect([await isPredictedWith(store, KEY, first), await isPredictedWith(store, KEY, second)]).toEqual([true, false]);
    const turned = { ...first, viewing: { ...first.viewing, views: ['flipHorizontal', 'identity'] as const } };
    expect(await isPredictedWith(store, KEY, turned)).toBe(false);
    let writes = 0;
    const dying = {
      ...store,
      write: async (key: string, content: Uint8Array | string) =>
        ++writes > 1 ? Promise.reject(new Error('away')) : store.write(key, content),
    };
    await expect(writeOutOfFold(second, dying, KEY)).rejects.toThrow('away');
    expect([await isPredictedWith(store, KEY, first), await isPredictedWith(store, KEY, second)]).toEqual([false, false]);
  });

  it('holds the logits of one image at a time, for any number of images', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const answers: WeakRef<Float32Array>[] = [];
    const alive: number[] = [];
    const network = noisyNetwork((logits) => {
      collect();
      alive.push(answers.filter((answer) => answer.deref() !== undefined).length);
      answers.push(new WeakRef(logits));
    });
    await writeOutOfFold({ ...requestOf(network), threads: 2 }, openStore(folder), KEY);
    expect(alive.length).toBeGreaterThanOrEqual(2 * PEOPLE);
    expect(Math.max(...alive)).toBeLessThanOrEqual(2);
  });
});
