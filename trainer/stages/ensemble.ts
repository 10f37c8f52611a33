import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCalibrations, runFiguresFiles } from '@carpal/artifacts/figures.ts';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { ProgressWriter } from '@carpal/artifacts/progress.ts';
import { readThresholdSums } from '@carpal/artifacts/thresholds.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { ensembleKey, FILE, foldKey, reportKey } from '@carpal/configs/names.ts';
import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import type { ReportFold, ReportPicture } from '@carpal/report/html/report-data.ts';
import { reportHtml } from '@carpal/report/html/report-html.ts';
import { openRadiographs } from '@carpal/report/images/radiographs.ts';
import { summarise, truthHash } from '@carpal/report/scoring/scoring.ts';
import { addCalibrations } from '@carpal/report/statistics/calibration.ts';
import { openFoldNetworks } from '../infer/networks.ts';
import { outOfFoldImages } from '../infer/out-of-fold-scores.ts';
import { pauseUntil } from '../infer/pause.ts';
import { chooseThresholds } from '../infer/thresholds.ts';
import { checkViewsFit } from '../memory/check-memory.ts';
import { readMemoryLimit } from '../memory/process-memory.ts';
import { imageThroughput } from '../train/throughput.ts';
import { ensembleFiles } from './ensemble-files.ts';
import type { EnsembleStage, EnsembleWork } from './ensemble-work.ts';
import { findPrepared } from './find-prepared.ts';
import { drawExtremes } from './out-of-fold-pictures.ts';
import { writeTestSubmission } from './test-submission.ts';

export type EnsembleResult = {
  readonly testImages: number;
  /** Out of fold: mean over image × class. */
  readonly dice: number;
  readonly images: number;
};

/**
 * The ensemble stage: the folds' networks vote on every test image, the out-of-fold masks are scored, and both are reported. Images
 * stream through one at a time. Everything is made in a local folder and put into the store at the end, so an interrupted ensemble leaves
 * nothing half-made and simply runs again. Without test images the submission has no rows, and the report says so. Throws `memory-too-small`
 * where the logits of all networks would be too much.
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

/** Counts images and tells the progress; a pause heeds the signal and says how far the count had come. */
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
    const fix = 'Run the command again; the ensemble begins anew, the folds stay as they are.';
    return new CarpalError('stopped-with-checkpoint', `stopped after ${done} of ${total} images`, { fix });
  };
  return { imageDone, pause: pauseUntil(signal, stopped) };
}

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

/** The Dice of every out-of-fold image; masks are let go as soon as they are scored. */
async function scoreOutOfFold({ experiment, store, prepared, imageDone, pause }: EnsembleWork): Promise<ScoredImage[]> {
  const images: ScoredImage[] = [];
  for await (const { fold, sample, truth, dice } of outOfFoldImages(experiment, store, prepared)) {
    const { imageName, group } = sample;
    images.push({ imageName, group, fold, truth: truthHash(truth), perClass: [...dice] });
    await imageDone();
    await pause();
  }
  return images;
}
