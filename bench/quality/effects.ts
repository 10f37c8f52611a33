/** What the figures say of the claims behind carpal's choices: sentences made by comparison, whatever comes out. */
import type { CeilingFigure, OverlapFigure } from './truth.ts';
import { type Gain, gainOver, type ReadingFigure } from './reading-figure.ts';

export type Verdict = 'confirmed' | 'refuted' | 'not decided';

/** What chance may bring about as often as this is not decided. */
const LEAST_SURPRISE = 0.05;

/**
 * A claim is confirmed or refuted where all of the interval lies on one side of nothing and the differences' signs are hardly chance: the
 * interval alone is too narrow where people are few.
 */
export function verdictOf({ interval, p }: Gain): Verdict {
  if (!interval || p >= LEAST_SURPRISE) return 'not decided';
  if (interval.low > 0) return 'confirmed';
  return interval.high < 0 ? 'refuted' : 'not decided';
}

const points = (share: number, digits = 4): string => `${share < 0 ? '−' : '+'}${Math.abs(share).toFixed(digits)}`;

/** `+0.0123 (+0.0100 to +0.0150, p 0.008)` */
export function gainText({ mean, interval, p }: Gain): string {
  const span = interval ? `${points(interval.low)} to ${points(interval.high)}, ` : '';
  return `${points(mean)} (${span}p ${p.toFixed(3)})`;
}

/** Area targets against the other two on sheets of one size; undefined where nothing was measured. */
export function ceilingClaim({ sheet, rows }: CeilingFigure): string | undefined {
  const sizes = [...new Set(rows.map(({ size }) => size))];
  const compared = sizes.flatMap((size) => {
    const diceOf = (kind: string): number | undefined => rows.find((row) => row.size === size && row.kind === kind)?.dice;
    const [area, nearest, floor] = [diceOf('area'), diceOf('nearest'), diceOf('floor')];
    if (area === undefined || nearest === undefined || floor === undefined) return [];
    return [{ size, area, nearest, floor, isHigher: area > nearest && area > floor }];
  });
  if (compared.length === 0) return undefined;
  const higher = compared.filter(({ isHigher }) => isHigher);
  const verdict =
    higher.length === compared.length ? 'confirmed' : higher.length === 0 ? 'refuted' : `confirmed at ${sizesOf(higher)} only`;
  const gains = compared.map(
    ({ size, area, nearest, floor }) =>
      `at ${size} px ${area.toFixed(4)} instead of ${nearest.toFixed(4)} (nearest) and ${floor.toFixed(4)} (cv2.INTER_NEAREST)`,
  );
  return `**Area targets lift the ceiling at small sizes: ${verdict}** on sheets of ${sheet} px: ${gains.join('; ')}.`;
}

const sizesOf = (compared: readonly { size: number }[]): string => compared.map(({ size }) => `${size} px`).join(', ');

/** What a perfect answer with one label a pixel loses. */
export function overlapClaim({ sharedOfBone, smallerTakes, largerTakes }: OverlapFigure): string {
  const best = Math.max(smallerTakes.dice, largerTakes.dice);
  const verdict: Verdict = best < 1 ? 'confirmed' : 'refuted';
  return `**A perfect answer with one label a pixel cannot be right: ${verdict}.** ${percent(sharedOfBone)} of the bones' pixels belong to several bones. Where the smaller bone takes them, Dice ends at ${smallerTakes.dice.toFixed(4)}; where the larger one does, at ${largerTakes.dice.toFixed(4)}.`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** A claim that `better` has more Dice than `worse` on the same people. */
export type ReadingClaim = { readonly text: string; readonly better: string; readonly worse: string };

export const READING_CLAIMS: readonly ReadingClaim[] = [
  { text: 'A network trained on area targets is better than one trained on nearest ones', better: 'single', worse: 'targets-nearest' },
  { text: 'A class each (sigmoid) is better than argmax of the same logits', better: 'single', worse: 'decode-argmax' },
  { text: 'Dice + BCE is better than BCE alone', better: 'single', worse: 'loss-bce' },
  { text: 'A flipped view beside the image helps', better: 'views-flip', worse: 'single' },
  { text: 'Turned and scaled views beside these help further', better: 'views-all', worse: 'views-flip' },
  { text: 'Folds that vote softly are better than one of them', better: 'vote-soft', worse: 'single' },
  { text: 'A soft vote is better than a hard one', better: 'vote-soft', worse: 'vote-hard' },
  { text: 'A threshold a class helps', better: 'thresholds', worse: 'vote-soft' },
  { text: 'Cleaning where it gains out of fold helps', better: 'cleaning', worse: 'vote-soft' },
  { text: 'Views, thresholds and cleaning together help', better: 'all-levers', worse: 'vote-soft' },
];

/** The sentence of a claim; undefined while one of its readings is not measured. */
export function readingClaim(claim: ReadingClaim, readings: ReadonlyMap<string, ReadingFigure>): string | undefined {
  const [better, worse] = [readings.get(claim.better), readings.get(claim.worse)];
  if (!better || !worse) return undefined;
  const gain = gainOver(better, worse);
  return `**${claim.text}: ${verdictOf(gain)}**, ${gainText(gain)}.`;
}
