import { meanOf, type Score } from '@carpal/report/scoring/scoring.ts';
import { bootstrapIntervals, type Interval } from '@carpal/report/statistics/estimates.ts';
import { meansOf, type PersonSums } from '@carpal/report/statistics/estimates.ts';
import { signFlipProbability } from '@carpal/report/statistics/sign-flip.ts';

/** What a reading gave on the test half. */
export type ReadingFigure = {
  /** Mean over image × class. */
  readonly dice: number;
  readonly perClass: readonly number[];
  /** In order of their names: how many answers there are for a person, and the sum of their mean Dice. */
  readonly people: readonly { readonly group: string; readonly answers: number; readonly sum: number }[];
  /** With argmax: the share of the masks' pixels that went to another bone. */
  readonly lostShare?: number;
};

/** The scores of every set of networks together; each set answers for the same images. `groupOf` names an image's person. */
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

/** Where the mean Dice lies when people are drawn anew; undefined for fewer than two. */
export function diceInterval({ people }: ReadingFigure): Interval | undefined {
  const sums = people.map(({ answers, sum }): PersonSums => ({ images: answers, sums: Float64Array.of(sum) }));
  return bootstrapIntervals(sums)[0];
}

/** How much more a reading gives the same people than another, and how likely so much would be if the two were alike. */
export type Gain = { readonly mean: number; readonly interval: Interval | undefined; readonly p: number };

/** The gain of `ours` over `other`, person by person. RangeError where a person is in `ours` only. */
export function gainOver(ours: ReadingFigure, other: ReadingFigure): Gain {
  const before = new Map(other.people.map(({ group, answers, sum }) => [group, sum / answers]));
  const gains = ours.people.map(({ group, answers, sum }): PersonSums => {
    const then = before.get(group);
    if (then === undefined) throw new RangeError(`${group} is in one of the readings only`);
    return { images: 1, sums: Float64Array.of(sum / answers - then) };
  });
  const [mean = 0] = meansOf(gains);
  return { mean, interval: bootstrapIntervals(gains)[0], p: signFlipProbability(gains.map(({ sums }) => sums[0] ?? 0)) };
}
