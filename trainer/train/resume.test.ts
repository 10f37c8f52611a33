/** A fold that is stopped again and again ends with the same bits as an uninterrupted one, for everything that has state. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { OPTIMIZER_NAMES, SCHEDULER_NAMES, trainingSchema } from '@carpal/configs/schema/learning.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../engine/safetensors.ts';
import { runFold } from '../stages/fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { RESUME_ROWS, type TinySpec } from './testing/resume-rows.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-resume-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The results of a fold with two steps per epoch that is stopped after `reads` reads of the clock, again and again. */
async function trained(uid: string, spec: TinySpec, reads: number) {
  const training = { epochs: 4, batchSize: 2, ...spec.training };
  const made = tinyExperiment(join(folder, 'data'), { ...spec, training });
  const experiment = { ...made, metadata: { ...made.metadata, uid } };
  const store = openStore(folder);
  await runPrepare({ experiment, store, clock: Date.now });
  const stops = new Set<string>();
  let after = reads;
  for (let ended = false; !ended; ) {
    const stop = new AbortController();
    let left = after;
    const clock = (): number => {
      if (--left === 0) stop.abort();
      return Date.now();
    };
    ended = await runFold({ experiment, fold: 0, store, clock, signal: stop.signal, log: () => undefined }).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'stopped-with-checkpoint' });
        // A stopped validation starts over, so with the same number of reads it would never finish.
        after = stops.has(String(error)) ? 2 * after : reads;
        stops.add(String(error));
        return false;
      },
    );
  }
  const read = (file: string): Promise<Buffer> => readFile(join(folder, foldKey(experiment, 0), file));
  const [last, best, masks] = await Promise.all([FILE.lastCheckpoint, FILE.bestCheckpoint, FILE.outOfFoldPredictions].map(read));
  const curve = (await readMetrics(store, `${foldKey(experiment, 0)}/${FILE.metrics}`)).map(
    ({ epoch, step, learningRate, loss, validationLoss, dice }) => [epoch, step, learningRate, loss, validationLoss, dice],
  );
  return { stops, last: last ?? Buffer.alloc(0), best, masks, curve };
}

it('the cases cover every optimizer, every schedule and every precision', () => {
  expect(new Set(RESUME_ROWS.map(({ spec }) => spec.optimizer?.name))).toEqual(new Set(OPTIMIZER_NAMES));
  expect(new Set(RESUME_ROWS.map(({ spec }) => spec.scheduler?.name))).toEqual(new Set(SCHEDULER_NAMES));
  const precisions = RESUME_ROWS.map(({ spec }) => spec.training?.precision ?? 'float32');
  expect(new Set(precisions)).toEqual(new Set(trainingSchema.shape.precision.unwrap().options));
});

describe.each(RESUME_ROWS)('a fold with $name', ({ name, spec }) => {
  it('ends with the same bits however often it is stopped', async () => {
    const uid = `row-${RESUME_ROWS.findIndex((row) => row.name === name)}`;
    const whole = await trained(`${uid}-whole`, spec, Number.POSITIVE_INFINITY);
    // Ten reads of the clock are the start, one step and the start of another. So stops happen within epochs, at their ends and after the
    // last one.
    const stopped = await trained(`${uid}-stopped`, spec, 10);
    expect(whole.stops.size).toBe(0);
    expect([...stopped.stops].filter((where) => where.includes('after step 1')).length).toBeGreaterThan(1);
    expect(stopped.curve).toEqual(whole.curve);
    expect(differing(stopped.last, whole.last)).toEqual([]);
    expect(stopped.last.equals(whole.last)).toBe(true);
    expect(stopped.best?.equals(whole.best ?? Buffer.alloc(0))).toBe(true);
    expect(stopped.masks?.equals(whole.masks ?? Buffer.alloc(0))).toBe(true);
    // A state that never changes would prove nothing.
    expect(new Set(whole.curve.map(([, , rate]) => rate)).size).toBeGreaterThan(1);
    expect(new Set(whole.curve.map(([, , , loss]) => loss)).size).toBe(whole.curve.length);
  });
});

/** Names of the arrays that differ between two weights files. */
function differing(one: Buffer, other: Buffer): string[] {
  const [ours, theirs] = [one, other].map((bytes) => decodeSafetensors(bytes).arrays);
  return [...(ours ?? [])]
    .filter(([name, { data }]) => !data.every((value, at) => value === theirs?.get(name)?.data[at]))
    .map(([name]) => name);
}
