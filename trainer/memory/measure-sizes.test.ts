import { type CheckedManifest, experimentSchema, manifestSchema } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { measureSizes } from './measure-sizes.ts';
import type { TrialOutcome, TrialRequest } from './trial.ts';
import { runTrial } from './trial.ts';

const manifest = (spec: object): CheckedManifest =>
  manifestSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'a' },
    spec: { dataset: { uri: 'data' }, model: { name: 'SlimUNet', options: { width: 4, depth: 3 } }, ...spec },
  });

/** A simulated machine: 100 MB for the process, and a fixed amount per thousand pixels of a batch. */
function machine(mbPerThousandPixels: number, secondsOf: (batchSize: number) => number) {
  const asked: [number, number][] = [];
  const trial = ({ spec }: TrialRequest, limitMb: number): Promise<TrialOutcome> => {
    const { size } = spec.input;
    const { batchSize } = spec.training;
    asked.push([size, batchSize]);
    const peakMemoryMb = 100 + (mbPerThousandPixels * batchSize * size * size) / 1000;
    if (peakMemoryMb > limitMb) return Promise.resolve({ kind: 'too-large', why: 'it is too large', peakMemoryMb });
    const times = { firstStepSeconds: 1, stepSeconds: secondsOf(batchSize), validationSecondsPerImage: 0.1 };
    return Promise.resolve({ kind: 'measured', peakMemoryMb, ...times, device: 'cpu' });
  };
  return { asked, trial };
}

const BOTH = { input: { size: 'auto' }, training: { batchSize: 'auto' } };
const search = (spec: object, more: Partial<Parameters<typeof measureSizes>[0]>, log: string[] = []) =>
  measureSizes({
    manifest: manifest(spec),
    classes: 3,
    images: 100,
    longestSide: 2048,
    limitMb: 1000,
    trial: machine(1, (n) => n).trial,
    log: (line) => log.push(line),
    ...more,
  });

describe('measureSizes', () => {
  it('chooses the largest side that fits, then the batch, and logs why', async () => {
    const log: string[] = [];
    const { asked, trial } = machine(2, (batchSize) => 1 + batchSize / 10);
    const found = await search(BOTH, { trial, limitMb: 1000 }, log);
    // 80 % of 1000 MB leave 700 MB for pixels: 512² needs 524 MB, 768² needs more.
    expect(found.spec).toMatchObject({ input: { size: 512 }, training: { batchSize: 1 } });
    expect(asked).toEqual([
      [768, 1],
      [384, 1],
      [512, 1],
      [512, 1],
      [512, 2],
    ]);
    expect(log.filter((line) => !line.startsWith('tried'))).toEqual([
      'input.size: 512 (the largest size that fits into 80 % of 0.98 GB)',
      'training.batchSize: 1 (the next size does not fit into 80 % of 0.98 GB)',
    ]);
  });

  it('leaves a size that is a number unchanged', async () => {
    const found = await search({ input: { size: 128 }, training: { batchSize: 'auto' } }, { trial: machine(1, () => 1).trial });
    expect(found.spec).toMatchObject({ input: { size: 128 }, training: { batchSize: 32 } });
    expect(experimentSchema.parse(found)).toEqual(found);
  });

  it('stops if a larger batch gains nothing, or if there are too few images for it', async () => {
    const log: string[] = [];
    const spec = { input: { size: 64 }, training: { batchSize: 'auto' } };
    await search(spec, { trial: machine(0.1, (n) => Math.max(1, n / 4)).trial }, log);
    await search(spec, { trial: machine(0.1, () => 1).trial, images: 5 }, log);
    expect(log.filter((line) => line.startsWith('training'))).toEqual([
      'training.batchSize: 4 (the next size is less than 5 % faster per image)',
      'training.batchSize: 4 (the smallest fold has too few images for more, or it is the largest supported batch)',
    ]);
  });

  it('reports that nothing fits', async () => {
    await expect(search(BOTH, { limitMb: 100 })).rejects.toMatchObject({ code: 'memory-too-small' });
    await expect(search({ training: { batchSize: 'auto' } }, { limitMb: 100 })).rejects.toMatchObject({ code: 'memory-too-small' });
  });

  it('does not blame memory for a trial that takes too long', async () => {
    const log: string[] = [];
    const { trial: quick } = machine(0.1, () => 1);
    const slowFrom = (pixels: number) => async (request: TrialRequest, limitMb: number) => {
      const { input, training } = request.spec;
      const slow: TrialOutcome = { kind: 'too-slow', seconds: 600 };
      return input.size ** 2 * training.batchSize >= pixels ? slow : quick(request, limitMb);
    };
    const found = await search(BOTH, { trial: slowFrom(768 ** 2) }, log);
    expect(found.spec).toMatchObject({ input: { size: 512 }, training: { batchSize: 2 } });
    expect(log.filter((line) => !line.startsWith('tried'))).toEqual([
      'input.size: 512 (the next size takes too long to try)',
      'training.batchSize: 2 (the next size takes too long to try)',
    ]);
    await expect(search(BOTH, { trial: slowFrom(1) })).rejects.toMatchObject({
      code: 'trial-failed',
      message: 'the trial steps did not finish within 600 s',
    });
  });

  it('does not treat a failed trial as one that is too large', async () => {
    const trial = (): Promise<TrialOutcome> => Promise.resolve({ kind: 'failed', message: 'no library' });
    await expect(search(BOTH, { trial })).rejects.toMatchObject({ code: 'trial-failed', message: 'no library' });
  });

  it('measures a small network on this machine', async () => {
    const log: string[] = [];
    const spec = { input: { size: 64 }, training: { batchSize: 'auto' } };
    const trial = (request: TrialRequest, limitMb: number) => runTrial(request, { limitMb });
    const { spec: found } = await search(spec, { trial, images: 4, limitMb: 8192 }, log);
    expect([1, 2, 4]).toContain(found.training.batchSize);
    expect(log.at(-1)).toMatch(/^training\.batchSize: /);
  });
});
