import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunFigures } from '@carpal/artifacts/figures.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { parseThresholdSums, type ThresholdSums, thresholdSumsText } from '@carpal/artifacts/thresholds.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { ensembleKey, experimentKey, FILE, foldKey, reportKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { CLEANINGS } from '@carpal/masks/cleaning.ts';
import { pageFaults } from '@carpal/report/html/testing/parse-html.ts';
import { checkSubmission } from '@carpal/report/scoring/check-submission.ts';
import { compareRuns } from '@carpal/report/statistics/compare-runs.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predict } from '../infer/predict.ts';
import { viewingOf } from '../infer/views.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runEnsemble } from './ensemble.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

const classes = loadClasses('hand-bones');
let folder = '';
let experiment: SegmentationExperiment;

const clock = (): number => 1_800_000_000_000;
const never = new AbortController().signal;

/** Prepares and trains two folds of a tiny data set. The test half has one wide image and one with 16 bits. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-ensemble-test-'));
  const data = join(folder, 'data');
  await writeTinyDataset(data, 4);
  await mkdir(join(data, 'test', 'DCM', 'ID009'), { recursive: true });
  await sharp({ create: { width: 80, height: 50, channels: 3, background: '#444444' } })
    .png()
    .toFile(join(data, 'test', 'DCM', 'ID009', 'wide.png'));
  const pixels = Uint16Array.from({ length: 64 * 64 }, (_, index) => index * 15);
  await sharp(pixels, { raw: { width: 64, height: 64, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toFile(join(data, 'test', 'DCM', 'ID009', 'sixteen.png'));
  experiment = tinyExperiment(data, { training: { epochs: 2, batchSize: 2 }, inference: { tta: ['identity', 'flipVertical'] } });
  await train(experiment, join(folder, 'store'));
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function train(what: SegmentationExperiment, place: string): Promise<void> {
  const store = openStore(place);
  await runPrepare({ experiment: what, store, clock });
  for (const fold of what.spec.run.folds) await runFold({ experiment: what, fold, store, clock, signal: never, log: () => {} });
}

describe('runEnsemble', () => {
  it('leaves a valid submission, figures and a report in the store, and reports that it has finished', async () => {
    const store = openStore(join(folder, 'store'));
    const seen: number[] = [];
    const result = await runEnsemble({
      experiment,
      store,
      clock,
      environment: { machine: '<one & only>' },
      onProgress: (done) => seen.push(done),
    });
    expect(result).toMatchObject({ testImages: 2, images: 8 });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

    const read = async (key: string): Promise<string> => (await store.read(key)).toString('utf8');
    const submission = join(folder, 'store', ensembleKey(experiment), 'submission.csv');
    expect(await checkSubmission(submission, join(folder, 'data'), classes)).toMatchObject({ valid: true, rows: 2 * classes.length });

    const scores = JSON.parse(await read(`${ensembleKey(experiment)}/scores.json`));
    expect(scores).toMatchObject({ dice: result.dice, images: 8, testImages: 2 });
    expect(scores.folds.map((fold: { images: number }) => fold.images)).toEqual([4, 4]);
    const thresholds = JSON.parse(await read(`${ensembleKey(experiment)}/thresholds.json`));
    expect(Object.keys(thresholds)).toEqual(classes);
    for (const cut of Object.values(thresholds)) {
      expect(cut).toEqual({ threshold: expect.any(Number), cleaning: expect.toBeOneOf([...CLEANINGS]) });
    }
    const perClass = JSON.parse(await read(`${ensembleKey(experiment)}/per-class.json`));
    expect(perClass.Radius).toMatchObject({
      ...thresholds.Radius,
      fittedThreshold: expect.any(Number),
      crossValidatedDice: expect.any(Number),
    });

    const own = await readRunFigures(openStore(join(folder, 'store', experimentKey(experiment))), 'own');
    // The other 26 classes are in no annotation.
    const scored = ['finger-1', 'Pisiform', 'Radius'];
    expect(own.outOfFold).toMatchObject({ name: 'tiny', network: 'SlimUNet', size: 32, classes: scored });
    expect(scores.missingClasses).toEqual(classes.filter((name) => !scored.includes(name)));
    expect(scores.perClass).toMatchObject({ Radius: expect.any(Number), Ulna: null });
    expect(perClass.Ulna).toMatchObject({ dice: null, threshold: expect.any(Number) });
    expect(new Set(own.outOfFold.images.map(({ group }) => group)).size).toBe(4);
    expect(new Set(own.outOfFold.images.map(({ truth }) => truth)).size).toBe(8);
    expect(own.curves.folds.map(({ epochs }) => epochs.length)).toEqual([2, 2]);
    const { runs } = compareRuns([own, own]);
    expect(runs[0]?.dice.all.mean).toBeCloseTo(result.dice, 5);

    const html = await read(`${reportKey(experiment)}/report.html`);
    expect(pageFaults(html)).toEqual([]);
    expect(html).toContain('not scored, because no annotation has them: finger-2');
    for (const title of ['Worst cases', 'Calibration', 'Seconds per epoch', 'Memory of the process']) expect(html).toContain(title);
    expect(html).toContain('&lt;one &amp; only&gt;');
    expect(html).not.toMatch(/(?:src|href)="(?!data:)|url\(|@import|<script/);
    const overlays = (await store.list(`${reportKey(experiment)}/overlays`)).map(({ key }) => key.slice(key.lastIndexOf('/') + 1));
    expect(overlays).toContain('wide.png');
    expect(overlays.filter((name) => name.startsWith('out-of-fold-')).length).toBe(8);

    const progress = stageProgressSchema.parse(JSON.parse(await read(`${ensembleKey(experiment)}/progress.json`)));
    expect(progress).toMatchObject({ stage: 'ensemble', state: 'finished', done: 10, total: 10 });
  });

  it('writes the same submission when it runs again', async () => {
    const store = openStore(join(folder, 'store'));
    const key = `${ensembleKey(experiment)}/submission.csv`;
    const before = await store.read(key);
    await runEnsemble({ experiment, store, clock });
    expect((await store.read(key)).equals(before)).toBe(true);
  });

  it('writes a report on folds without calibration counts', async () => {
    const place = await copyOfStore('older');
    await rm(join(place, foldKey(experiment, 0), 'out-of-fold', 'calibration.json'));
    await runEnsemble({ experiment, store: openStore(place), clock });
    const html = await readFile(join(place, reportKey(experiment), 'report.html'), 'utf8');
    expect(html).not.toContain('Calibration');
  });

  it.each(['soft', 'hard'] as const)(
    'writes the same masks in a %s vote, thresholded and cleaned, as predict with its folder and thresholds',
    async (method) => {
      const place = await copyOfStore(method);
      const store = openStore(place);
      const folds = experiment.spec.run.folds.map((fold) => join(place, foldKey(experiment, fold), FILE.outOfFoldThresholds));
      for (const path of folds) await pretendCleaningGains(path);
      const spec = { ...experiment.spec, ensemble: { method, perClassThresholds: false, perClassCleaning: true } };
      await runEnsemble({ experiment: { ...experiment, spec }, store, clock });
      const [out, ensemble] = [join(folder, `${method}.csv`), join(place, ensembleKey(experiment))];
      await predict({
        weights: [{ path: join(place, experimentKey(experiment)), weight: 1 }],
        method,
        images: join(folder, 'data'),
        out,
        thresholds: join(ensemble, 'thresholds.json'),
        viewing: viewingOf(experiment.spec),
      });
      expect(await sortedRows(join(ensemble, 'submission.csv'))).toEqual(await sortedRows(out));
      const thresholds = JSON.parse((await store.read(`${ensembleKey(experiment)}/thresholds.json`)).toString());
      const [none, largest] = [
        { threshold: 0.5, cleaning: 'none' },
        { threshold: 0.5, cleaning: 'largest' },
      ];
      expect(thresholds).toEqual(Object.fromEntries(classes.map((name) => [name, name === 'Radius' ? largest : none])));
      expect((await store.read(`${reportKey(experiment)}/report.html`)).toString()).toContain('largest part');
    },
  );

  it('reports that there are no test images', async () => {
    const data = join(folder, 'no-test');
    await writeTinyDataset(data, 2);
    const own = tinyExperiment(data, { training: { epochs: 1, batchSize: 2 }, ensemble: { perClassThresholds: false } });
    await train(own, join(folder, 'no-test-store'));
    const store = openStore(join(folder, 'no-test-store'));
    expect(await runEnsemble({ experiment: own, store, clock })).toMatchObject({ testImages: 0, images: 4 });
    expect((await store.read(`${ensembleKey(own)}/submission.csv`)).toString()).toBe('image_name,class,rle\n');
    expect((await store.read(`${reportKey(own)}/report.html`)).toString()).toContain('has no test images');
    const thresholds = JSON.parse((await store.read(`${ensembleKey(own)}/thresholds.json`)).toString());
    const cuts: { threshold: number }[] = Object.values(thresholds);
    expect(new Set(cuts.map(({ threshold }) => threshold))).toEqual(new Set([0.5]));
  });

  it('stops between images if the signal aborts, and leaves only its progress', async () => {
    const place = await copyOfStore('stopped');
    const stop = new AbortController();
    const work = runEnsemble({ experiment, store: openStore(place), clock, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(work).rejects.toMatchObject({ code: 'stopped-with-checkpoint', exit: 75 });
    const left = await openStore(place).list(ensembleKey(experiment));
    expect(left.map(({ key }) => key)).toEqual([`${ensembleKey(experiment)}/progress.json`]);
    expect(JSON.parse(await readFile(join(place, ensembleKey(experiment), 'progress.json'), 'utf8'))).toMatchObject({ state: 'stopped' });
  });

  it('stops within an image, between the runs of its networks', async () => {
    const place = await copyOfStore('stopped-within');
    const store = openStore(place);
    const work = runEnsemble({ experiment, store, clock, signal: AbortSignal.abort() });
    await expect(work).rejects.toMatchObject({ code: 'stopped-with-checkpoint', message: 'stopped after 0 of 10 images' });
  });

  it.each<[string, (place: string) => Promise<void>, string]>([
    [
      'a fold that has not finished',
      async (place) => rm(join(place, foldKey(experiment, 1), 'checkpoint'), { recursive: true }),
      'artifact-missing',
    ],
    [
      'weights that differ from the record',
      async (place) => writeFile(join(place, foldKey(experiment, 1), 'checkpoint', 'best.safetensors'), 'x'),
      'checkpoint-invalid',
    ],
    [
      'damaged calibration counts',
      async (place) => writeFile(join(place, foldKey(experiment, 1), 'out-of-fold', 'calibration.json'), '{"images":2}'),
      'checkpoint-invalid',
    ],
    [
      'out-of-fold masks with a missing row',
      async (place) => {
        const path = join(place, foldKey(experiment, 0), 'out-of-fold', 'predictions.csv');
        const lines = (await readFile(path, 'utf8')).split('\n');
        await writeFile(path, lines.toSpliced(3, 1).join('\n'));
      },
      'submission-invalid',
    ],
  ])('rejects %s, reports it in its progress, and leaves no submission', async (name, damage, code) => {
    const place = await copyOfStore(name.replaceAll(' ', '-'));
    await damage(place);
    const store = openStore(place);
    await expect(runEnsemble({ experiment, store, clock })).rejects.toMatchObject({ code });
    expect(await store.readIfPresent(`${ensembleKey(experiment)}/submission.csv`)).toBeUndefined();
    const progress = JSON.parse((await store.read(`${ensembleKey(experiment)}/progress.json`)).toString());
    expect(progress).toMatchObject({ state: 'failed', error: { code } });
  });
});

async function sortedRows(csv: string): Promise<string[]> {
  return (await readFile(csv, 'utf8')).trimEnd().split('\n').slice(1).sort();
}

/**
 * Changes a fold's sums so that keeping the largest component scored best for the Radius, and cleaning changed nothing for other classes.
 */
async function pretendCleaningGains(path: string): Promise<void> {
  const sums = parseThresholdSums(await readFile(path, 'utf8')) as ThresholdSums;
  const groups = sums.groups.map((group) => {
    const rows = (thresholds: readonly number[], dice: number): number[][] => classes.map(() => thresholds.map(() => dice * group.images));
    const [same, better] = [rows(sums.cleanedThresholds, 0.5), rows(sums.cleanedThresholds, 0.6)];
    const largest = same.map((row, index) => (classes[index] === 'Radius' ? (better[index] ?? row) : row));
    return { ...group, dice: rows(sums.thresholds, 0.5), cleaned: { largest, fill: same, 'largest+fill': same } };
  });
  await writeFile(path, thresholdSumsText({ ...sums, groups }));
}

/** A copy of the trained store without the results of an ensemble. */
async function copyOfStore(name: string): Promise<string> {
  const { cp } = await import('node:fs/promises');
  const place = join(folder, name);
  await cp(join(folder, 'store'), place, { recursive: true });
  await rm(join(place, experimentKey(experiment), 'ensemble'), { recursive: true, force: true });
  await rm(join(place, experimentKey(experiment), 'report'), { recursive: true, force: true });
  return place;
}
