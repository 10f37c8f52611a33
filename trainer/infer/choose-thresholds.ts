import type { ChosenThreshold, ClassCut, ThresholdSums } from '@carpal/artifacts/thresholds.ts';
import { CLEANINGS, type Cleaning } from '@carpal/masks/cleaning.ts';

export type ThresholdChoice = {
  /** The threshold of the manifest. */
  readonly threshold: number;
  /** Whether each class may have its own threshold. */
  readonly perClassThresholds: boolean;
  /** Whether the masks of each class may be cleaned. */
  readonly perClassCleaning: boolean;
};

/**
 * How much a choice must gain at least in mean Dice, on people that had no part in it, to be kept. One ten-thousandth is two pixels of a
 * bone of 10,000 pixels.
 */
export const LEAST_GAIN = 1e-4;

/** A cut with its sums of Dice over the images of each group. */
type Candidate = ClassCut & { readonly sums: readonly number[] };

/** The sums of one class, and the number of images of each group. */
type ClassSums = { readonly manifest: Candidate; readonly steps: readonly (readonly Candidate[])[]; readonly images: readonly number[] };

/**
 * For each class a threshold and a cleaning, chosen on the images of all folds.
 *
 * A class keeps the manifest's threshold without cleaning unless another choice gains on people that had no part in it. Possible choices are
 * compared one after the other: the threshold with the greatest mean Dice, then each cleaning together with its best threshold. Each is
 * chosen on all groups of people but one and scored on that one, for every group in turn. It replaces the choice before it if its mean gain
 * exceeds both LEAST_GAIN and the gain's standard error over the groups (the one-standard-error rule). Among thresholds with equal Dice, the
 * one closest to the manifest's wins.
 *
 * `dice` and `gain` are the figures of this whole procedure: each group is scored with the choice that the others alone lead to, so no
 * image is scored with a choice that its person had a part in. They are unknown if no fold has sums, or the folds tried different
 * thresholds. With the images of a single person, nothing is chosen.
 */
export function chooseThresholds(folds: readonly ThresholdSums[], classes: number, choice: ThresholdChoice): ChosenThreshold[] {
  const kept: ChosenThreshold = {
    threshold: choice.threshold,
    fitted: choice.threshold,
    cleaning: 'none',
    dice: undefined,
    gain: undefined,
  };
  const [first] = folds;
  const areComparable = folds.every(
    ({ thresholds, cleanedThresholds, groups }) =>
      thresholds.join() === first?.thresholds.join() &&
      cleanedThresholds.join() === first?.cleanedThresholds.join() &&
      groups.every(({ dice }) => dice.length === classes),
  );
  const isTried = first?.thresholds.includes(choice.threshold) && first.cleanedThresholds.includes(choice.threshold);
  if (!first || !areComparable || !isTried || first.groups.length === 0) return Array.from({ length: classes }, () => kept);
  return Array.from({ length: classes }, (_, classIndex) => chooseForClass(sumsOfClass(folds, first, classIndex, choice)));
}

function sumsOfClass(folds: readonly ThresholdSums[], tried: ThresholdSums, classIndex: number, choice: ThresholdChoice): ClassSums {
  const groups = [...new Set(folds.flatMap((fold) => fold.groups.map(({ group }) => group)))].sort((a, b) => a - b);
  const parts = groups.map((group) => folds.flatMap((fold) => fold.groups.filter((own) => own.group === group)));
  const candidate = (cleaning: Cleaning, threshold: number): Candidate => {
    const place = (cleaning === 'none' ? tried.thresholds : tried.cleanedThresholds).indexOf(threshold);
    const sums = parts.map((own) =>
      own.reduce((sum, { dice, cleaned }) => sum + ((cleaning === 'none' ? dice : cleaned[cleaning])[classIndex]?.[place] ?? 0), 0),
    );
    return { cleaning, threshold, sums };
  };
  const nearestFirst = (thresholds: readonly number[]): number[] =>
    thresholds
      .filter((threshold) => choice.perClassThresholds || threshold === choice.threshold)
      .sort((a, b) => Math.abs(a - choice.threshold) - Math.abs(b - choice.threshold));
  const cleanings = choice.perClassCleaning ? CLEANINGS.slice(1) : [];
  return {
    manifest: candidate('none', choice.threshold),
    steps: [
      nearestFirst(tried.thresholds).map((threshold) => candidate('none', threshold)),
      ...cleanings.map((cleaning) => nearestFirst(tried.cleanedThresholds).map((threshold) => candidate(cleaning, threshold))),
    ],
    images: parts.map((own) => own.reduce((sum, { images }) => sum + images, 0)),
  };
}

function chooseForClass(sums: ClassSums): ChosenThreshold {
  const groups = [...sums.images.keys()];
  const total = sums.images.reduce((sum, images) => sum + images, 0);
  let dice = 0;
  let before = 0;
  for (const group of groups) {
    dice += scoreOf(
      chosenOn(
        sums,
        groups.filter((other) => other !== group),
      ),
      group,
    );
    before += scoreOf(sums.manifest, group);
  }
  const { threshold, cleaning } = chosenOn(sums, groups);
  return { threshold, fitted: threshold, cleaning, dice: dice / total, gain: (dice - before) / total };
}

const scoreOf = ({ sums }: Candidate, group: number): number => sums[group] as number;

/** The choice that these groups lead to. */
function chosenOn({ manifest, steps, images }: ClassSums, groups: readonly number[]): Candidate {
  let kept: readonly Candidate[] = [manifest];
  // The scores on each group of the candidate that the other groups choose.
  const crossScores = (candidates: readonly Candidate[]): number[] =>
    groups.map((group) =>
      scoreOf(
        bestOn(
          candidates,
          groups.filter((other) => other !== group),
        ),
        group,
      ),
    );
  let keptScores = crossScores(kept);
  const counts = groups.map((group) => images[group] as number);
  for (const candidates of groups.length < 2 ? [] : steps) {
    const scores = crossScores(candidates);
    const gains = scores.map((score, index) => score - (keptScores[index] as number));
    if (!isGain(gains, counts)) continue;
    kept = candidates;
    keptScores = scores;
  }
  return bestOn(kept, groups);
}

/** The first candidate with the greatest sum over these groups. */
function bestOn(candidates: readonly Candidate[], groups: readonly number[]): Candidate {
  let best = candidates[0] as Candidate;
  let most = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    let sum = 0;
    for (const group of groups) sum += candidate.sums[group] as number;
    if (sum > most) [best, most] = [candidate, sum];
  }
  return best;
}

/** Whether the mean gain of an image exceeds the margin. `gains` are sums over the images of each group. */
function isGain(gains: readonly number[], counts: readonly number[]): boolean {
  const images = counts.reduce((sum, count) => sum + count, 0);
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / images;
  const squares = gains.reduce((sum, gain, index) => sum + (gain - mean * (counts[index] as number)) ** 2, 0);
  const standardError = Math.sqrt((squares * gains.length) / (gains.length - 1)) / images;
  return mean > LEAST_GAIN && mean > standardError;
}
