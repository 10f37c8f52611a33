import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { parseThresholdSums } from '@carpal/artifacts/thresholds.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { epochMetricsSchema, type StageProgress, stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { dyingStore } from '@carpal/testbed/artifacts/dying-store.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import { openNetwork } from '../infer/networks.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { type FoldStage, runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

let folder: string;
let experiment: SegmentationExperiment;
let runs = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-fold-'));
  const dataset = join(folder, 'data');
  await writeTinyDataset(dataset, 6);
  experiment = tinyExperiment(dataset);
  await runPrepare({ experiment, store: openStore(folder), clock: Date.now });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The same experiment under its own key, so that every test starts without a checkpoint. */
async function freshExperiment(spec: Parameters<typeof tinyExperiment>[1] = {}): Promise<SegmentationExperiment> {
  const training = { epochs: 6, batchSize: 2, ...spec.training };
  const made = tinyExperiment(experiment.spec.dataset.uri, { ...spec, training });
  const fresh = { ...made, metadata: { ...made.metadata, uid: `run-${++runs}` } };
  await runPrepare({ experiment: fresh, store: openStore(folder), clock: Date.now });
  return fresh;
}

const stageOf = (of: SegmentationExperiment, more: Partial<FoldStage> = {}): FoldStage => ({
  experiment: of,
  fold: 0,
  store: openStore(folder),
  clock: Date.now,
  signal: new AbortController().signal,
  log: () => undefined,
  ...more,
});

const read = (of: SegmentationExperiment, file: string): Promise<Buffer> => readFile(join(folder, foldKey(of, 0), file));
const progressOf = async (of: SegmentationExperiment) => stageProgressSchema.parse(JSON.parse((await read(of, FILE.progress)).toString()));
const metricsOf = async (of: SegmentationExperiment) =>
  (await read(of, FILE.metrics))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => epochMetricsSchema.parse(JSON.parse(line)));

/** The results that must not depend on interruptions. */
async function resultOf(of: SegmentationExperiment) {
  const metrics = await metricsOf(of);
  return {
    last: (await read(of, FILE.lastCheckpoint)).toString('base64'),
    best: (await read(of, FILE.bestCheckpoint)).toString('base64'),
    masks: (await read(of, FILE.outOfFoldPredictions)).toString(),
    sums: (await read(of, FILE.outOfFoldThresholds)).toString(),
    curve: metrics.map(({ epoch, step, learningRate, loss, validationLoss, dice }) => [
      epoch,
      step,
      learningRate,
      loss,
      validationLoss,
      dice,
    ]),
  };
}

describe('a fold', () => {
  it('writes weights, masks, curve and progress as specified', async () => {
    const fresh = await freshExperiment();
    const lines: string[] = [];
    await runFold(stageOf(fresh, { log: (line) => lines.push(line) }));
    expect(await progressOf(fresh)).toMatchObject({ stage: 'fold', fold: 0, state: 'finished', epoch: 6, epochs: 6, stepsPerEpoch: 3 });
    const metrics = await metricsOf(fresh);
    expect(metrics.map(({ epoch, step }) => [epoch, step])).toEqual([1, 2, 3, 4, 5, 6].map((epoch) => [epoch, 3 * epoch]));
    // The following tests would prove little on a network that does not learn.
    expect(metrics.at(-1)?.loss).toBeLessThan(0.6 * (metrics[0]?.loss ?? 0));
    expect((await progressOf(fresh)).bestEpoch).toBeGreaterThan(2);
    expect(metrics.every(({ perClassDice, memoryMb }) => perClassDice.length === 29 && memoryMb > 50)).toBe(true);
    const best = decodeSafetensors(await read(fresh, FILE.bestCheckpoint));
    expect(best.metadata).toMatchObject({
      model: 'SlimUNet',
      inputSize: '32',
      imageSize: '32',
      normalize: 'unit',
      options: '{"width":4,"depth":2}',
    });
    expect([...best.arrays.keys()].every((name) => name.startsWith('model/'))).toBe(true);
    const last = decodeSafetensors(await read(fresh, FILE.lastCheckpoint));
    expect([...last.arrays.keys()].some((name) => name.startsWith('optimizer/'))).toBe(true);
    const rows = (await read(fresh, FILE.outOfFoldPredictions)).toString().trimEnd().split('\n');
    expect(rows[0]).toBe('image_name,class,rle');
    expect(rows.length).toBe(1 + 6 * 29);
    const sums = parseThresholdSums((await read(fresh, FILE.outOfFoldThresholds)).toString());
    expect(sums?.thresholds).toHaveLength(91);
    expect(sums?.groups.reduce((sum, { images }) => sum + images, 0)).toBe(6);
    for (const { dice } of sums?.groups ?? []) expect(dice.map((row) => row.length)).toEqual(Array.from({ length: 29 }, () => 91));
    expect(lines.filter((line) => /^epoch \d\/6 {2}loss \d\.\d{4} {2}validation \d+\.\d{4} {2}Dice \d\.\d{4}/.test(line)).length).toBe(6);
  });

  it('trained with deep supervision and dropout leaves weights that predict, and resumes its dropout', async () => {
    const options = { width: 2, guidance: true };
    const spec = { model: { name: 'UNet3Plus' as const, options } };
    const training = { epochs: 2, deepSupervision: true };
    const [whole, broken] = [await freshExperiment({ ...spec, training }), await freshExperiment({ ...spec, training })];
    await runFold(stageOf(whole));
    const stop = new AbortController();
    const stopping = stageOf(broken, { signal: stop.signal, log: (line) => void (line.startsWith('epoch 1') && stop.abort()) });
    await expect(runFold(stopping)).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
    await runFold(stageOf(broken));
    expect(await resultOf(broken)).toMatchObject({ last: (await resultOf(whole)).last });
    const network = openNetwork(await read(whole, FILE.bestCheckpoint), 'best.safetensors');
    expect(network.facts.options).toEqual({ ...options, deepSupervision: true });
    expect(network.predictor.run(new Float32Array(32 * 32), 1, 32)).toHaveLength(32 * 32 * 29);
    network.dispose();
  });

  it('fails before training if the pretrained weights do not exist', async () => {
    const pretrained = { uri: join(folder, 'resnet50.safetensors') };
    const fresh = await freshExperiment({ model: { name: 'FCNResNet50', options: { width: 1 }, pretrained } });
    await expect(runFold(stageOf(fresh))).rejects.toMatchObject({ code: 'weights-invalid', where: pretrained.uri });
  });

  it('fails before training if the pretrained weights have a value that is not finite', async () => {
    const pretrained = { uri: join(folder, 'not-finite.safetensors') };
    await writeFile(pretrained.uri, encodeSafetensors(new Map([['conv1.weight', { shape: [2], data: Float32Array.of(1, Number.NaN) }]])));
    const fresh = await freshExperiment({ model: { name: 'FCNResNet50', options: { width: 1 }, pretrained } });
    const message = 'conv1.weight holds NaN at index 1';
    await expect(runFold(stageOf(fresh))).rejects.toMatchObject({ code: 'weights-invalid', where: pretrained.uri, message });
    expect(await openStore(folder).readIfPresent(`${foldKey(fresh, 0)}/${FILE.metrics}`)).toBeUndefined();
  });

  it('reports each image of a validation and of its out-of-fold masks, with the remaining time', async () => {
    const fresh = await freshExperiment({ training: { epochs: 2 } });
    const reported: StageProgress[] = [];
    const store = openStore(folder);
    const watched: ArtifactStore = {
      ...store,
      write: async (key, content) => {
        if (key.endsWith(FILE.progress)) reported.push(stageProgressSchema.parse(JSON.parse(content.toString())));
        return store.write(key, content);
      },
    };
    // Each read of the clock advances it so much that every progress update is written.
    let nowMs = 0;
    await runFold(stageOf(fresh, { store: watched, clock: () => (nowMs += 10_000) }));
    const positionOf = ({ epoch, step, done, total }: StageProgress) => [epoch, step, done, total];
    const isNew = (report: StageProgress, index: number, all: readonly StageProgress[]): boolean =>
      JSON.stringify(positionOf(report)) !== JSON.stringify(all[index - 1] && positionOf(all[index - 1] as StageProgress));
    // Heartbeats repeat the last position.
    const images = reported.filter(({ done, state }) => done !== undefined && state === 'running').filter(isNew);
    const validation = [1, 2, 3, 4, 5, 6];
    expect(images.map(positionOf)).toEqual([
      ...validation.map((done) => [0, 3, done, 6]),
      ...validation.map((done) => [1, 3, done, 6]),
      ...[0, ...validation].map((done) => [2, 0, done, 6]),
    ]);
    const left = images.map(({ etaSeconds }) => etaSeconds as number);
    expect(left.slice(0, -1).every((seconds) => seconds > 0)).toBe(true);
    // Two views are processed after the last epoch, one in a validation.
    expect(left.at(12)).toBe(left.at(11));
    expect(reported.at(-1)).toMatchObject({ state: 'finished', epoch: 2, done: 6, total: 6, etaSeconds: 0 });
  });

  it('that is finished stays unchanged', async () => {
    const fresh = await freshExperiment();
    await runFold(stageOf(fresh));
    const before = await openStore(folder).list(foldKey(fresh, 0));
    const lines: string[] = [];
    await runFold(stageOf(fresh, { log: (line) => lines.push(line) }));
    expect(await openStore(folder).list(foldKey(fresh, 0))).toEqual(before);
    expect(lines).toEqual([expect.stringContaining('is already finished')]);
  });

  it('that may not write its checkpoint for a while reports that, ends with exit 74, and continues when it may', async () => {
    const straight = await freshExperiment();
    await runFold(stageOf(straight));
    const denied = await freshExperiment();
    const store = openStore(folder);
    let saves = 0;
    const refusing: ArtifactStore = {
      ...store,
      write: async (key, content) => {
        if (key.includes('checkpoint/last') && ++saves > 2) throw new CarpalError('store-denied', 'the artifact store denied access');
        await store.write(key, content);
      },
    };
    await expect(runFold(stageOf(denied, { store: refusing }))).rejects.toMatchObject({ code: 'store-denied', exit: 74 });
    expect(await progressOf(denied)).toMatchObject({ state: 'failed', error: { code: 'store-denied' } });
    await runFold(stageOf(denied));
    expect(await resultOf(denied)).toEqual(await resultOf(straight));
    expect((await progressOf(denied)).error).toBeUndefined();
  });

  it('stops after a step if the signal aborts, reports it, and ends with the same bits as an uninterrupted one', async () => {
    const straight = await freshExperiment();
    await runFold(stageOf(straight));
    const halting = await freshExperiment();
    const positions = new Set<string>();
    let after = 7;
    for (let finished = false; !finished; ) {
      // The signal aborts at the n-th read of the clock: within an epoch, at its end, in a validation.
      const stop = new AbortController();
      let reads = 0;
      const clock = (): number => {
        if (++reads === after) stop.abort();
        return Date.now();
      };
      finished = await runFold(stageOf(halting, { signal: stop.signal, clock })).then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'stopped-with-checkpoint', exit: 75 });
          // A stopped validation starts over, so with the same number of reads it would never finish.
          after = positions.has(String(error)) ? 2 * after : 7;
          positions.add(String(error));
          return false;
        },
      );
      if (!finished) expect((await progressOf(halting)).state).toBe('stopped');
    }
    expect(positions.size).toBeGreaterThan(2);
    expect(await resultOf(halting)).toEqual(await resultOf(straight));
  });

  it('stops among the windows of an image after its last epoch, and ends with the same bits as an uninterrupted one', async () => {
    const window = { size: 32, stride: 8, weights: 'gaussian' } as const;
    const spec: Parameters<typeof tinyExperiment>[1] = { input: { size: 48 }, training: { epochs: 2 }, inference: { window } };
    const straight = await freshExperiment(spec);
    await runFold(stageOf(straight));
    const halting = await freshExperiment(spec);
    const stop = new AbortController();
    const log = (line: string): void => void (line.startsWith('epoch 2') && stop.abort());
    const failure = await runFold(stageOf(halting, { signal: stop.signal, log })).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'stopped-with-checkpoint', exit: 75, message: 'fold 0 stopped after its last epoch' });
    expect(await progressOf(halting)).toMatchObject({ state: 'stopped', done: 0, total: 6 });
    expect(await openStore(folder).readIfPresent(`${foldKey(halting, 0)}/${FILE.outOfFoldPredictions}`)).toBeUndefined();
    await runFold(stageOf(halting));
    expect(await resultOf(halting)).toEqual(await resultOf(straight));
  });

  it('that continues on another engine warns once in its log and in every report after that, and records both engines', async () => {
    const engine = { threads: 2, instructions: 'AVX2', build: 'TensorFlow 2.18.1', device: 'CPU' };
    const fresh = await freshExperiment({ training: { epochs: 4 } });
    const lines: string[] = [];
    const trained = async (until: string, threads: number) => {
      lines.length = 0;
      const stop = new AbortController();
      const log = (line: string): void => {
        lines.push(line);
        if (line.startsWith(`epoch ${until}`)) stop.abort();
      };
      await runFold(stageOf(fresh, { signal: stop.signal, log, engine: { ...engine, threads } })).catch((error: unknown) =>
        expect(error).toMatchObject({ code: 'stopped-with-checkpoint' }),
      );
      const ofEngines = (texts: readonly string[] = []): readonly string[] => texts.filter((text) => text.includes('engines'));
      return { logged: ofEngines(lines).length, warnings: ofEngines((await progressOf(fresh)).warnings) };
    };
    const warning = expect.stringMatching(/: threads 2, then 4$/);
    expect(await trained('1', 2)).toEqual({ logged: 0, warnings: [] });
    expect(await trained('2', 4)).toEqual({ logged: 1, warnings: [warning] });
    expect(await trained('3', 4)).toEqual({ logged: 0, warnings: [warning] });
    expect(await trained('end', 2)).toEqual({ logged: 0, warnings: [warning] });
    const { engines, finished } = JSON.parse((await read(fresh, FILE.checkpointState)).toString());
    expect([finished, engines]).toEqual([true, [engine, { ...engine, threads: 4 }]]);
  }, 120_000);

  it('that continues from a checkpoint of an earlier version, which has no engine, does not warn', async () => {
    const fresh = await freshExperiment({ training: { epochs: 2 } });
    const stop = new AbortController();
    const stopping = stageOf(fresh, { signal: stop.signal, log: (line) => void (line.startsWith('epoch 1') && stop.abort()) });
    await expect(runFold(stopping)).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
    const { engines: _engines, ...old } = JSON.parse((await read(fresh, FILE.checkpointState)).toString());
    await writeFile(join(folder, foldKey(fresh, 0), FILE.checkpointState), JSON.stringify(old));
    await runFold(stageOf(fresh));
    expect(JSON.stringify(await progressOf(fresh))).not.toContain('engines');
  });

  it('reports the position of its checkpoint as soon as it continues, before it reads the data set', async () => {
    const fresh = await freshExperiment();
    const stop = new AbortController();
    const log = (line: string): void => void (line.startsWith('epoch 2') && stop.abort());
    await expect(runFold(stageOf(fresh, { signal: stop.signal, log }))).rejects.toThrow('stopped');
    const { bestDice, bestEpoch } = await progressOf(fresh);
    const store = openStore(folder);
    const absent: ArtifactStore = { ...store, checkout: () => Promise.reject(new CarpalError('store-unreachable', 'away')) };
    await expect(runFold(stageOf(fresh, { store: absent }))).rejects.toMatchObject({ code: 'store-unreachable' });
    expect(await progressOf(fresh)).toMatchObject({ state: 'failed', epoch: 2, epochs: 6, bestDice, bestEpoch });
  });

  it('that was stopped after its last epoch resumes without a training engine, and keeps its results', async () => {
    // Opening the engine without a GPU logs a warning for this precision.
    const fresh = await freshExperiment({ training: { epochs: 2, precision: 'float16' } });
    const [first, second]: [string[], string[]] = [[], []];
    const stop = new AbortController();
    const log = (line: string): void => void (first.push(line) > 0 && line.startsWith('epoch 2') && stop.abort());
    await expect(runFold(stageOf(fresh, { signal: stop.signal, log }))).rejects.toThrow('after its last epoch');
    const { bestDice } = await progressOf(fresh);
    await runFold(stageOf(fresh, { log: (line) => second.push(line) }));
    expect([first, second].map((lines) => lines.filter((line) => line.includes('float16')).length)).toEqual([1, 0]);
    expect(await progressOf(fresh)).toMatchObject({ state: 'finished', epoch: 2, epochs: 2, stepsPerEpoch: 3, bestDice });
    expect(bestDice).toBeGreaterThan(0);
  });

  it('that is killed at many changes of the store ends with the same bits as an uninterrupted one', async () => {
    const straight = await freshExperiment();
    await runFold(stageOf(straight));
    const expected = await resultOf(straight);
    // Several kills in each run. The gap between them differs from run to run, so they fall on different kinds of changes.
    for (const gap of [3, 5, 9]) {
      const dying = await freshExperiment();
      let deaths = 0;
      for (let finished = false; !finished; ) {
        finished = await runFold(stageOf(dying, { store: dyingStore(openStore(folder), gap + deaths), checkpointEveryMs: 0 })).then(
          () => true,
          (error: unknown) => {
            if (!String(error).includes('killed')) throw error;
            deaths++;
            return false;
          },
        );
      }
      expect(deaths, `gap ${gap}`).toBeGreaterThan(0);
      expect(await resultOf(dying), `gap ${gap}`).toEqual(expected);
    }
  });

  it('that two processes train at the same time belongs to one of them, and ends with the same bits as with one process', async () => {
    const straight = await freshExperiment();
    await runFold(stageOf(straight));
    const shared = await freshExperiment();
    const store = openStore(folder);
    const both = Promise.withResolvers<void>();
    let saving = 0;
    /** A store whose first checkpoint is written when both processes have one, so that neither finishes before the other begins. */
    const sharedStore = (): ArtifactStore => {
      let isFirst = true;
      return {
        ...store,
        writeIfUnchanged: async (key, content, tag) => {
          if (isFirst && ++saving === 2) both.resolve();
          isFirst = false;
          await both.promise;
          return store.writeIfUnchanged(key, content, tag);
        },
      };
    };
    const ends = await Promise.allSettled([0, 1].map(() => runFold(stageOf(shared, { store: sharedStore() }))));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    expect(failures).toEqual([expect.objectContaining({ code: 'fold-taken', exit: 75 })]);
    expect(await progressOf(shared)).toMatchObject({ state: 'finished' });
    expect(await resultOf(shared)).toEqual(await resultOf(straight));
  });

  it('that another process takes over while it trains ends without a change to progress.json', async () => {
    const fresh = await freshExperiment();
    const store = openStore(folder);
    let saves = 0;
    let rest: Promise<void> | undefined;
    const taken: ArtifactStore = {
      ...store,
      writeIfUnchanged: async (key, content, tag) => {
        if (++saves === 3) {
          rest = runFold(stageOf(fresh));
          await rest;
        }
        return store.writeIfUnchanged(key, content, tag);
      },
    };
    await expect(runFold(stageOf(fresh, { store: taken }))).rejects.toMatchObject({ code: 'fold-taken' });
    await rest;
    expect(await progressOf(fresh)).toMatchObject({ state: 'finished', epoch: 6 });
  });

  it('ends early when Dice stops rising, and reports the best epoch', async () => {
    const fresh = await freshExperiment({
      training: { epochs: 50, earlyStopping: { patience: 2, minDelta: 1 } },
      optimizer: { learningRate: 1e-6 },
    });
    await runFold(stageOf(fresh));
    expect((await metricsOf(fresh)).map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(await progressOf(fresh)).toMatchObject({ state: 'finished', epoch: 3, epochs: 50 });
  });

  it('validates every second epoch and in the last one if validateEvery is 2', async () => {
    const fresh = await freshExperiment({ training: { epochs: 5, validateEvery: 2 } });
    await runFold(stageOf(fresh));
    expect((await metricsOf(fresh)).map(({ dice }) => dice !== null)).toEqual([false, true, false, true, true]);
  });

  it('stops with the position when the loss is no longer finite, and keeps the last good checkpoint', async () => {
    const fresh = await freshExperiment();
    // A rate above the limit of the schema, because no allowed rate is certain to diverge.
    const spoilt = { ...fresh, spec: { ...fresh.spec, optimizer: { ...fresh.spec.optimizer, learningRate: 1e38 } } };
    const failure = await runFold(stageOf(spoilt)).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'non-finite-loss',
      exit: 65,
      where: expect.stringMatching(/^epoch \d+, step \d+, learning rate 1e\+38$/),
    });
    expect(String(failure)).toContain('last good checkpoint');
    expect(await progressOf(spoilt)).toMatchObject({ state: 'failed', error: { code: 'non-finite-loss' } });
  });

  it.each([
    ['a fold that the split does not have', { fold: 2 }, 'usage-invalid'],
    ['a data set that was not prepared', { store: openStore(join(tmpdir(), 'carpal-nothing-here')) }, 'artifact-missing'],
  ])('rejects %s', async (_, more, code) => {
    await expect(runFold(stageOf(experiment, more))).rejects.toMatchObject({ code });
    await rm(join(tmpdir(), 'carpal-nothing-here'), { recursive: true, force: true });
  });
});
