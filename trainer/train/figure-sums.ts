import { CALIBRATION_LEVELS, type CalibrationCounts } from '@carpal/artifacts/figures.ts';
import type { GroupSums, ThresholdSums } from '@carpal/artifacts/thresholds.ts';
import type { ClassScore, TriedThresholds } from '../infer/tried-thresholds.ts';

/** Groups of people that thresholds are cross-validated over. */
const GROUPS = 10;

/**
 * The group of each person. Depends on the names alone, so a person has the same group in every fold. Groups differ by at most one person.
 */
export function groupsOfPeople(people: Iterable<string>): ReadonlyMap<string, number> {
  return new Map([...new Set(people)].sort().map((person, rank) => [person, rank % GROUPS]));
}

type Rows = number[][];
type Sums = { images: number; readonly dice: Rows; readonly cleaned: readonly Rows[] };

/**
 * Adds up what the images of a fold score: the Dice of each group of people, class, threshold and cleaning, and the pixels of each class and
 * level of probability. Its memory does not grow with the number of images. Sums of floats depend on their order, so images must be added in
 * order.
 */
export class FigureSums {
  readonly #tried: TriedThresholds;
  readonly #groups = new Map<number, Sums>();
  readonly #pixels: Rows;
  readonly #truePixels: Rows;
  #images = 0;

  constructor(tried: TriedThresholds, classes: number) {
    this.#tried = tried;
    const levels = (): Rows => Array.from({ length: classes }, () => Array.from({ length: CALIBRATION_LEVELS }, () => 0));
    this.#pixels = levels();
    this.#truePixels = levels();
  }

  /** Adds the scores of an image, one per class. */
  add(group: number, scores: readonly ClassScore[]): void {
    const { thresholds, cleanedThresholds } = this.#tried;
    const zeros = (length: number): Rows => scores.map(() => Array.from({ length }, () => 0));
    const sums = this.#groups.get(group) ?? {
      images: 0,
      dice: zeros(thresholds.length),
      cleaned: (scores[0]?.cleaned ?? []).map(() => zeros(cleanedThresholds.length)),
    };
    this.#groups.set(group, sums);
    sums.images += 1;
    this.#images += 1;
    for (const [index, { dice, cleaned, pixels, truePixels }] of scores.entries()) {
      addTo(sums.dice[index], dice);
      for (const [way, values] of cleaned.entries()) addTo(sums.cleaned[way]?.[index], values);
      addTo(this.#pixels[index], pixels);
      addTo(this.#truePixels[index], truePixels);
    }
  }

  thresholdSums(): ThresholdSums {
    const { thresholds, cleanedThresholds } = this.#tried;
    const groups = [...this.#groups].sort(([a], [b]) => a - b);
    return {
      thresholds,
      cleanedThresholds,
      groups: groups.map(([group, { images, dice, cleaned }]): GroupSums => {
        const [largest, fill, largestAndFill] = cleaned as [Rows, Rows, Rows];
        return { group, images, dice, cleaned: { largest, fill, 'largest+fill': largestAndFill } };
      }),
    };
  }

  calibration(): CalibrationCounts {
    return { images: this.#images, pixels: this.#pixels, truePixels: this.#truePixels };
  }

  /** The mean Dice of each class at the manifest's threshold without cleaning, and the number of its true pixels. */
  perClass(): { readonly dice: number; readonly truePixels: number }[] {
    const place = this.#tried.thresholds.indexOf(this.#tried.bins.cuts[this.#tried.manifestCut] as number);
    return this.#truePixels.map((levels, index) => {
      let dice = 0;
      for (const sums of this.#groups.values()) dice += sums.dice[index]?.[place] ?? 0;
      return { dice: dice / this.#images, truePixels: levels.reduce((sum, pixels) => sum + pixels, 0) };
    });
  }
}

function addTo(row: number[] | undefined, values: ArrayLike<number>): void {
  if (!row) throw new RangeError('images of one fold must have the same classes');
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) + (values[i] as number);
}
