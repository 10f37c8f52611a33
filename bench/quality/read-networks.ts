import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { ensembleKey, FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { area } from '@carpal/masks/measure.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { scoreSubmission } from '@carpal/report/scoring/score-submission.ts';
import { type ImageDice, type Score, scoreMasks, summarise } from '@carpal/report/scoring/scoring.ts';
import { findTruth, readTruth } from '@carpal/report/scoring/truth-folder.ts';
import { logitsToMask } from '@carpal/trainer/infer/logits-to-mask.ts';
import type { Network } from '@carpal/trainer/infer/networks.ts';
import { openFoldNetworks } from '@carpal/trainer/infer/networks.ts';
import { runEnsemble } from '@carpal/trainer/stages/ensemble.ts';
import { type ReadingFigure, readingFigure } from './reading-figure.ts';
import { argmaxOf } from './single-label.ts';
import type { KeyedReading } from './training.ts';

export type NetworksToRead = {
  readonly experiment: SegmentationExperiment;
  readonly store: ArtifactStore;
  readonly dataset: string;
  readonly prepared: PreparedSet;
  readonly reading: KeyedReading;
  readonly signal: AbortSignal;
};

/**
 * The reading's figure on the test half, at the images' own size: from the submission of the ensemble stage, or from the logits for argmax.
 */
export async function readNetworks(request: NetworksToRead): Promise<ReadingFigure> {
  const { prepared, reading } = request;
  const groups = new Map(prepared.samples.map(({ imageName, group }) => [imageName, group]));
  const groupOf = (imageName: string): string => groups.get(imageName) ?? '';
  const scores: Score[] = [];
  const shares: number[] = [];
  for (const folds of reading.votes) {
    if (reading.decode === 'sigmoid') {
      scores.push(await scoreOfVote(request, folds));
      continue;
    }
    const { score, lostShare } = await scoreOfArgmax(request, folds);
    scores.push(score);
    shares.push(lostShare);
  }
  return readingFigure(scores, groupOf, shares.length === 0 ? undefined : shares.reduce((sum, share) => sum + share, 0) / shares.length);
}

function variantOf({ experiment, reading }: NetworksToRead, folds: readonly number[]): SegmentationExperiment {
  const { spec } = experiment;
  const inference = { ...spec.inference, tta: [...reading.tta] };
  return { ...experiment, spec: { ...spec, inference, ensemble: { ...reading.ensemble }, run: { ...spec.run, folds: [...folds] } } };
}

async function scoreOfVote(request: NetworksToRead, folds: readonly number[]): Promise<Score> {
  const { store, dataset, prepared, signal } = request;
  const experiment = variantOf(request, folds);
  await runEnsemble({ experiment, store, clock: Date.now, signal });
  const submission = await store.checkout(`${ensembleKey(experiment)}/${FILE.submission}`);
  // The data set contains the images, so this size is never used.
  return scoreSubmission({ truth: dataset, submission, classes: prepared.classes, size: { width: 1, height: 1 } });
}

/** For one network without further views: the masks of its logits, and the same with one label per pixel. */
async function scoreOfArgmax(request: NetworksToRead, folds: readonly number[]): Promise<{ score: Score; lostShare: number }> {
  const { dataset, prepared, store } = request;
  const networks = await openFoldNetworks(variantOf(request, folds), store);
  const [network] = networks;
  if (!network || networks.length > 1) throw new RangeError('argmax is measured on one network at a time');
  try {
    const images: ImageDice[] = [];
    let [before, after] = [0, 0];
    for (const entry of (await findTruth(dataset)).entries) {
      const sample = prepared.samples.find(({ imageName }) => imageName.startsWith(`${entry.stem}.`));
      if (!sample) throw new RangeError(`${entry.stem} has an annotation and no image`);
      const truth = await readTruth(entry, prepared.classes, sample);
      const { free, single } = await bothMasks(network, prepared, sample);
      before += free.reduce((sum, mask) => sum + area(mask), 0);
      after += single.reduce((sum, mask) => sum + area(mask), 0);
      images.push({ imageName: sample.imageName, perClass: scoreMasks(single, truth) });
    }
    return { score: summarise(images), lostShare: before === 0 ? 0 : 1 - after / before };
  } finally {
    network.dispose();
  }
}

async function bothMasks(network: Network, prepared: PreparedSet, sample: PreparedSet['samples'][number]) {
  const { size, classes } = prepared;
  const { width, height } = sample;
  const pixels = Float32Array.from(await prepared.readImage(sample), (value) => value / 255);
  const logits = network.predictor.run(pixels, 1, size);
  const fit = squareFit(width, height, size);
  const free = classes.map((_, classIndex) =>
    logitsToMask({ logits, classIndex, classes: classes.length, fit, width, height, threshold: 0.5 }),
  );
  return { free, single: argmaxOf(free, { values: logits, classes: classes.length, fit }) };
}
