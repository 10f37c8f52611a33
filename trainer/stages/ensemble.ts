import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCalibrations, runFiguresFiles } from '@carpal/artifacts/figures.ts';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { ProgressWriter } from '@carpal/artifacts/progress.ts';
import { type ChosenThreshold, readThresholdSums, thresholdsText } from '@carpal/artifacts/thresholds.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { ensembleKey, FILE, foldKey, reportKey } from '@carpal/configs/names.ts';
import type { ReportFold, ReportPicture } from '@carpal/report/html/report-data.ts';
import { reportHtml } from '@carpal/report/html/report-html.ts';
import { openRadiographs } from '@carpal/report/images/radiographs.ts';
import { meanOf, type Score, summarise } from '@carpal/report/scoring/scoring.ts';
import { addCalibrations } from '@carpal/report/statistics/calibration.ts';
import { openFoldNetworks } from '../infer/networks.ts';
import { pauseUntil } from '../infer/pause.ts';
import { chooseThresholds } from '../infer/thresholds.ts';
import { checkViewsFit } from '../memory/check-memory.ts';
import { readMemoryLimit } from '../memory/process-memory.ts';
import { imageThroughput } from '../train/throughput.ts';
import type { EnsembleStage, EnsembleWork } from './ensemble-work.ts';
import { drawExtremes, scoreOutOfFold } from './out-of-fold.ts';
import { findPrepared } from './prepared-note.ts';
import { writeTestSubmission } from './test-submission.ts';

export type EnsembleResult = {
  readonly testImages: number;
  /** Mean out-of-fold Dice over image × class. */
  readonly dice: number;
  readonly images: number;
};

/**
 * The ensemble stage: the folds' networks vote on every test image, the out-of-fold masks are scored, and both are reported. Only one image
 * is in memory at a time. All files are created in a local folder and published at the end, so an interrupted ensemble leaves nothing
 * incomplete and runs again from the start. Without test images the submission has no rows, and the report says so. Throws
 * `memory-too-small` if the logits of all networks do not fit, and `stopped-with-checkpoint` if the signal aborts.
 */
export async function runEnsemble(stage: EnsembleStage): Promise<EnsembleResult> {
  const { experiment, store, clock } = stage;
  const progress = new ProgressWriter({ store, experiment, stage: { stage: 'ensemble' }, clock });
  const folder = await mkdtemp(join(tmpdir(), 'carpal-ensemble-'));
  try {
    await progress.write({ state: 'running' });
    const prepared = await findPrepared(experiment, store);
    const { memoryLimit = await readMemoryLimit() } = stage;
    const { ensemble, run } = experiment.spec;
    checkViewsFit(experiment.spec, prepared.classes.length, ensemble.method === 'soft' ? run.folds.length : 1, memoryLimit);
    const sums = await readThresholdSums(store, experiment);
    const { threshold } = experiment.spec.inference;
    const chosen = chooseThresholds(sums, prepared.classes.length, { ...experiment.spec.ensemble, threshold });
    const total = prepared.samples.filter(({ half }) => half === 'test').length + sums.reduce((images, fold) => images + fold.images, 0);
    const result = await makeEnsemble({ ...stage, prepared, thresholds: chosen, folder, ...counter(stage, progress, total) });
    await progress.write({ state: 'finished', done: total, total, dice: result.dice, etaSeconds: 0 });
    return result;
  } catch (error) {
    await progress.fail(error);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Counts images and reports the progress. The pause throws `stopped-with-checkpoint` with the count if the signal aborts. */
function counter(
  { clock, signal, onProgress }: EnsembleStage,
  progress: ProgressWriter,
  total: number,
): Pick<EnsembleWork, 'imageDone' | 'pause'> {
  const startMs = clock();
  let done = 0;
  const imageDone = async (): Promise<void> => {
    done += 1;
    onProgress?.(done, total);
    const seconds = (clock() - startMs) / 1000;
    await progress.update({ done, total, ...imageThroughput({ done, total, seconds }) });
  };
  const stopped = (): CarpalError => {
    const fix = 'Run the command again. The ensemble starts over; the folds are kept.';
    return new CarpalError('stopped-with-checkpoint', `stopped after ${done} of ${total} images`, { fix });
  };
  return { imageDone, pause: pauseUntil(signal, stopped) };
}

/** Writes all files of the ensemble and of the report into the local folder, then publishes both. */
async function makeEnsemble(work: EnsembleWork): Promise<EnsembleResult> {
  const { experiment, store, prepared, thresholds, folder, clock } = work;
  const radiographs = await openRadiographs(experiment.spec.dataset.uri, prepared);
  const networks = await openFoldNetworks(experiment, store);
  let test: readonly ReportPicture[];
  try {
    test = await writeTestSubmission(work, networks, radiographs);
  } finally {
    for (const network of networks) network.dispose();
  }
  const images = await scoreOutOfFold(work);
  const score = summarise(images);
  const extremes = await drawExtremes(work, radiographs, images);
  const folds: ReportFold[] = [];
  for (const fold of experiment.spec.run.folds) {
    const own = summarise(images.filter((image) => image.fold === fold));
    folds.push({ fold, metrics: await readMetrics(store, `${foldKey(experiment, fold)}/${FILE.metrics}`), score: own });
  }
  const trainImages = prepared.samples.filter(({ half }) => half === 'train').length;
  const testImages = prepared.samples.length - trainImages;
  const files = [
    ...ensembleFiles({ classes: prepared.classes, thresholds, score, folds, testImages }),
    ...runFiguresFiles(experiment, prepared.classes, images, folds),
  ];
  for (const [name, content] of files) {
    await writeFile(join(folder, 'ensemble', name), content);
  }
  const calibrations = await readCalibrations(store, experiment, prepared.classes.length);
  const html = reportHtml({
    experiment,
    classes: prepared.classes,
    folds,
    images,
    score,
    calibration: calibrations && addCalibrations(calibrations),
    thresholds,
    trainImages,
    testImages,
    ...extremes,
    test,
    environment: work.environment ?? {},
    madeAt: new Date(clock()).toISOString(),
  });
  await writeFile(join(folder, 'report', FILE.report), html);
  await store.publish(join(folder, 'report'), reportKey(experiment));
  await store.publish(join(folder, 'ensemble'), ensembleKey(experiment));
  return { testImages, dice: score.dice, images: score.images };
}

type EnsembleFigures = {
  readonly classes: readonly string[];
  readonly thresholds: readonly ChosenThreshold[];
  readonly score: Score;
  readonly folds: readonly ReportFold[];
  readonly testImages: number;
};

/** The small files of the ensemble: thresholds.json, per-class.json, and scores.json with the out-of-fold scores. */
function ensembleFiles({ classes, thresholds, score, folds, testImages }: EnsembleFigures): [name: string, content: string][] {
  const byClass = <T>(of: (index: number) => T): Record<string, T> => Object.fromEntries(classes.map((name, index) => [name, of(index)]));
  const perClass = byClass((index) => ({
    dice: score.perClass[index] ?? null,
    threshold: thresholds[index]?.threshold ?? null,
    cleaning: thresholds[index]?.cleaning ?? 'none',
    // The out-of-fold Dice with that threshold and cleaning.
    diceAtThreshold: thresholds[index]?.dice ?? null,
    folds: Object.fromEntries(folds.map((fold) => [fold.fold, fold.score.perClass[index] ?? null])),
  }));
  const chosen = thresholds.flatMap(({ dice }) => dice ?? []);
  const scores = {
    dice: score.dice,
    // Slightly optimistic: the thresholds and cleanings were chosen on the same images.
    chosenDice: chosen.length === thresholds.length ? meanOf(chosen) : null,
    images: score.images,
    testImages,
    perClass: byClass((index) => score.perClass[index] ?? null),
    folds: folds.map((fold) => ({
      fold: fold.fold,
      dice: fold.score.dice,
      images: fold.score.images,
      perClass: byClass((index) => fold.score.perClass[index] ?? null),
    })),
    worst: score.perImage.slice(0, 10),
  };
  const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return [
    [FILE.thresholds, thresholdsText(classes, thresholds)],
    [FILE.perClass, text(perClass)],
    ['scores.json', text(scores)],
  ];
}
