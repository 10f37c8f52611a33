import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CalibrationCounts, readCalibrations, runFiguresFiles } from '@carpal/artifacts/figures.ts';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { ProgressWriter } from '@carpal/artifacts/progress.ts';
import { withTemporaryFolder } from '@carpal/artifacts/temporary-folder.ts';
import { type ChosenThreshold, readThresholdSums, thresholdsText } from '@carpal/artifacts/thresholds.ts';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { ensembleKey, FILE, foldKey, reportKey } from '@carpal/configs/names.ts';
import type { ReportFold } from '@carpal/report/html/report-data.ts';
import { reportHtml } from '@carpal/report/html/report-html.ts';
import { openRadiographs } from '@carpal/report/images/radiographs.ts';
import { onlyScored, type ScoredClasses, scoredClasses, scoredCounts } from '@carpal/report/scoring/scored-classes.ts';
import { meanOf, type Score, summarise } from '@carpal/report/scoring/scoring.ts';
import { addCalibrations } from '@carpal/report/statistics/calibration.ts';
import { chooseThresholds } from '../infer/choose-thresholds.ts';
import { type Network, openFoldNetworks } from '../infer/networks.ts';
import { pauseUntil } from '../infer/pause.ts';
import { untrainedViews } from '../infer/trained-views.ts';
import { checkEnsembleFits } from '../memory/check-memory.ts';
import { readMemoryLimit } from '../memory/process-memory.ts';
import { deadClasses, deadClassWarning } from '../train/dead-classes.ts';
import { imageThroughput } from '../train/throughput.ts';
import type { EnsembleStage, EnsembleWork, VoteWork } from './ensemble-work.ts';
import { matchVote } from './match-vote.ts';
import { drawExtremes, scoreOutOfFold } from './out-of-fold.ts';
import { findPrepared } from './prepared-note.ts';
import { countFoldImages, refreshFolds, staleFolds, withDetailImages } from './refresh-folds.ts';
import { stageWarnings } from './stage-warnings.ts';
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
 * incomplete and runs again from the start. If inference has changed since a fold predicted its images, they are predicted again first: the
 * results are those of an experiment that had this inference from the start. Without test images the submission has no rows, and the report says so. Throws
 * `memory-too-small` if the logits of all networks do not fit, and `stopped-with-checkpoint` if the signal aborts.
 */
export async function runEnsemble(stage: EnsembleStage): Promise<EnsembleResult> {
  const { experiment, store, clock } = stage;
  const { spec } = experiment;
  const progress = new ProgressWriter({ store, experiment, stage: { stage: 'ensemble' }, clock });
  const removeListener = store.onTransfer(progress.beat);
  try {
    await progress.write({ state: 'running' });
    const found = await findPrepared(experiment, store);
    const { memoryLimit = await readMemoryLimit() } = stage;
    checkEnsembleFits(spec, found.classes.length, memoryLimit);
    const prepared = await withDetailImages(stage, found, progress.beat);
    const stale = await staleFolds(experiment, store);
    // The prepare stage has warned of the views that the experiment began with.
    if (stale.length > 0) for (const untrained of untrainedViews(spec)) progress.warn(untrained);
    const testImages = prepared.samples.filter(({ half }) => half === 'test').length;
    const total = testImages + countFoldImages(experiment, prepared, [...spec.run.folds, ...stale]);
    const result = await withTemporaryFolder('ensemble', async (folder) =>
      withNetworks(stage, async (networks) =>
        makeEnsemble({ ...stage, prepared, networks, folder, progress, ...counter(stage, progress, total) }, stale),
      ),
    );
    await progress.write({ state: 'finished', done: total, total, dice: result.dice, etaSeconds: 0 });
    return result;
  } catch (error) {
    await progress.fail(error);
    throw error;
  } finally {
    removeListener();
  }
}

async function withNetworks<T>({ experiment, store }: EnsembleStage, work: (networks: readonly Network[]) => Promise<T>): Promise<T> {
  const networks = await openFoldNetworks(experiment, store);
  try {
    return await work(networks);
  } finally {
    for (const network of networks) network.dispose();
  }
}

/** Counts images and reports the progress. The pause throws `stopped-with-checkpoint` with the count if the signal aborts. */
function counter(
  { clock, signal, onProgress }: EnsembleStage,
  progress: ProgressWriter,
  total: number,
): Pick<EnsembleWork, 'imageDone' | 'pause' | 'advanced'> {
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
  return { imageDone, pause: pauseUntil(signal, stopped, progress.beat), advanced: progress.beat };
}

/** Brings the files of the stale folds up to date, then votes. */
async function makeEnsemble(work: EnsembleWork, stale: readonly number[]): Promise<EnsembleResult> {
  const { experiment, store, prepared } = work;
  await refreshFolds(work, stale);
  const { ensemble, inference } = experiment.spec;
  const sums = await readThresholdSums(store, experiment);
  const chosen = chooseThresholds(sums, prepared.classes.length, { ...ensemble, threshold: inference.threshold });
  return publishEnsemble({ ...work, thresholds: await matchVote(work, chosen) });
}

/** Writes all files of the ensemble and of the report into the local folder, then publishes both. */
async function publishEnsemble(work: VoteWork): Promise<EnsembleResult> {
  const { experiment, store, prepared, thresholds, folder, clock } = work;
  const radiographs = await openRadiographs(experiment.spec.dataset.uri, prepared, work.advanced);
  const test = await writeTestSubmission(work, radiographs);
  const scored = await scoredClasses(prepared);
  warnOfMissingClasses(work, scored);
  const images = (await scoreOutOfFold(work)).map((image) => ({ ...image, perClass: onlyScored(image.perClass, scored) }));
  const score = summarise(images);
  const calibrations = await readCalibrations(store, experiment, prepared.classes.length);
  const counts = calibrations && addCalibrations(calibrations);
  const calibration = counts && scoredCounts(counts, scored);
  warnOfDeadClasses(work, scored.names, score, calibration);
  const extremes = await drawExtremes(work, radiographs, images);
  const folds: ReportFold[] = [];
  for (const fold of experiment.spec.run.folds) {
    const own = summarise(images.filter((image) => image.fold === fold));
    folds.push({ fold, metrics: await readMetrics(store, `${foldKey(experiment, fold)}/${FILE.metrics}`), score: own });
  }
  const trainImages = prepared.samples.filter(({ half }) => half === 'train').length;
  const testImages = prepared.samples.length - trainImages;
  const files = [
    ...ensembleFiles({ classes: prepared.classes, scored, thresholds, score, folds, testImages }),
    ...runFiguresFiles(experiment, scored.names, images, folds),
  ];
  for (const [name, content] of files) {
    await writeFileAtomically(join(folder, 'ensemble', name), content);
  }
  const html = reportHtml({
    experiment,
    classes: scored.names,
    folds,
    images,
    score,
    calibration,
    thresholds: onlyScored(thresholds, scored),
    trainImages,
    testImages,
    ...extremes,
    test,
    warnings: await stageWarnings(experiment, store, work.progress),
    environment: work.environment ?? {},
    madeAt: new Date(clock()).toISOString(),
  });
  await writeFileAtomically(join(folder, 'report', FILE.report), html);
  await publishReport(work);
  await store.publish(join(folder, 'ensemble'), ensembleKey(experiment));
  return { testImages, dice: score.dice, images: score.images };
}

/** A class that no annotation has would score 1 for networks that leave it out. */
function warnOfMissingClasses(work: EnsembleWork, { missing }: ScoredClasses): void {
  if (missing.length === 0) return;
  warn(work, `not scored, because no annotation has them: ${missing.join(', ')}`);
}

function warn({ progress, log }: EnsembleWork, warning: string): void {
  progress.warn(warning);
  log?.(`warning: ${warning}`);
}

function warnOfDeadClasses(work: EnsembleWork, classes: readonly string[], score: Score, calibration: CalibrationCounts | undefined): void {
  const figures = classes.map((_, index) => ({
    dice: score.perClass[index] ?? 0,
    truePixels: Array.from(calibration?.truePixels[index] ?? []).reduce((sum, pixels) => sum + pixels, 0),
  }));
  const warning = score.images === 0 ? undefined : deadClassWarning(deadClasses(classes, figures));
  if (warning !== undefined) warn(work, warning);
}

/** Publishes the report and removes overlays of an earlier ensemble that this one does not draw. */
async function publishReport({ experiment, store, folder }: EnsembleWork): Promise<void> {
  await store.publish(join(folder, 'report'), reportKey(experiment));
  const overlays = `${reportKey(experiment)}/${FILE.overlays}`;
  const drawn = new Set((await readdir(join(folder, 'report', FILE.overlays))).map((name) => `${overlays}/${name}`));
  for (const { key } of await store.list(overlays)) if (!drawn.has(key)) await store.remove(key);
}

type EnsembleFigures = {
  readonly classes: readonly string[];
  /** Scores are of these classes only. */
  readonly scored: ScoredClasses;
  readonly thresholds: readonly ChosenThreshold[];
  readonly score: Score;
  readonly folds: readonly ReportFold[];
  readonly testImages: number;
};

/** The small files of the ensemble: thresholds.json, per-class.json, and scores.json with the out-of-fold scores. */
function ensembleFiles({ classes, scored, thresholds, score, folds, testImages }: EnsembleFigures): [name: string, content: string][] {
  const byClass = <T>(of: (index: number) => T): Record<string, T> => Object.fromEntries(classes.map((name, index) => [name, of(index)]));
  const diceOf = (own: Score, index: number): number | null => own.perClass[scored.indexes.indexOf(index)] ?? null;
  const perClass = byClass((index) => ({
    dice: diceOf(score, index),
    // The threshold and cleaning of the vote, and the threshold of a single network that it stands for.
    threshold: thresholds[index]?.threshold ?? null,
    cleaning: thresholds[index]?.cleaning ?? 'none',
    fittedThreshold: thresholds[index]?.fitted ?? null,
    // Of single networks, out of fold: each image with a choice that its person had no part in.
    crossValidatedDice: thresholds[index]?.dice ?? null,
    crossValidatedGain: thresholds[index]?.gain ?? null,
    folds: Object.fromEntries(folds.map((fold) => [fold.fold, diceOf(fold.score, index)])),
  }));
  const mean = (values: readonly (number | undefined)[]): number | null => {
    const known = values.filter((value) => value !== undefined);
    return known.length === values.length ? meanOf(known) : null;
  };
  const scores = {
    dice: score.dice,
    // With thresholds and cleanings chosen on other people.
    chosenDice: mean(onlyScored(thresholds, scored).map(({ dice }) => dice)),
    chosenGain: mean(onlyScored(thresholds, scored).map(({ gain }) => gain)),
    images: score.images,
    testImages,
    perClass: byClass((index) => diceOf(score, index)),
    // No annotation has them.
    missingClasses: scored.missing,
    folds: folds.map((fold) => ({
      fold: fold.fold,
      dice: fold.score.dice,
      images: fold.score.images,
      perClass: byClass((index) => diceOf(fold.score, index)),
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
