import { meanOf, type Score } from '@carpal/report/scoring/scoring.ts';
import { bootstrapIntervals, type Interval, meansOf, type PersonSums } from '@carpal/report/statistics/estimates.ts';

/** The score of a reading on the test half. */
export type ReadingFigure = {
  /** The mean over image × class. */
  readonly dice: number;
  readonly perClass: readonly number[];
  /** Sorted by name: the number of a person's answers, and the sum of their mean Dice. */
  readonly people: readonly { readonly group: string; readonly answers: number; readonly sum: number }[];
  /** For argmax: the share of the masks' pixels that went to another bone. */
  readonly lostShare?: number;
};

/** Joins the scores of several sets of networks, each for the same images. `groupOf` names an image's person. */
export function readingFigure(
  scores: readonly Pick<Score, 'perClass' | 'perImage'>[],
  groupOf: (imageName: string) => string,
  lostShare?: number,
): ReadingFigure {
  const classes = scores[0]?.perClass.length ?? 0;
  const perClass = Array.from({ length: classes }, (_, index) => meanOf(scores.map((score) => score.perClass[index] ?? 0)));
  const people = new Map<string, { group: string; answers: number; sum: number }>();
  for (const { imageName, dice } of scores.flatMap(({ perImage }) => perImage)) {
    const group = groupOf(imageName);
    const { answers = 0, sum = 0 } = people.get(group) ?? {};
    people.set(group, { group, answers: answers + 1, sum: sum + dice });
  }
  const named = [...people.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
  return { dice: meanOf(perClass), perClass, people: named, ...(lostShare === undefined ? {} : { lostShare }) };
}

/** The 95 % bootstrap interval of the mean Dice over people; undefined for fewer than two people. */
export function diceInterval({ people }: ReadingFigure): Interval | undefined {
  const sums = people.map(({ answers, sum }): PersonSums => ({ images: answers, sums: Float64Array.of(sum) }));
  return bootstrapIntervals(sums)[0];
}

/** How much more a reading scores on the same people than another: the mean over people and its 95 % bootstrap interval. */
export type Gain = { readonly mean: number; readonly interval: Interval | undefined };

/** The gain of `ours` over `other`. Throws a RangeError if a person is only in `ours`. */
export function gainOver(ours: ReadingFigure, other: ReadingFigure): Gain {
  const before = new Map(other.people.map(({ group, answers, sum }) => [group, sum / answers]));
  const gains = ours.people.map(({ group, answers, sum }): PersonSums => {
    const then = before.get(group);
    if (then === undefined) throw new RangeError(`${group} is in one of the readings only`);
    return { images: 1, sums: Float64Array.of(sum / answers - then) };
  });
  const [mean = 0] = meansOf(gains);
  return { mean, interval: bootstrapIntervals(gains)[0] };
}
