import type { CalibrationCounts } from '@carpal/artifacts/figures.ts';
import type { PreparedSet } from '../dataset/prepared-set.ts';

/** The classes of a data set that can be scored, in order: those that some annotation has. */
export type ScoredClasses = {
  readonly names: readonly string[];
  /** Their indexes among all classes. */
  readonly indexes: readonly number[];
  /** The classes that no annotation has. A network that leaves them out would have a Dice of 1 for them, which says nothing. */
  readonly missing: readonly string[];
};

/** Finds the classes that occur in the training half. Reads annotations only until each class has been seen: mostly one. */
export async function scoredClasses(prepared: Pick<PreparedSet, 'classes' | 'samples' | 'readPolygons'>): Promise<ScoredClasses> {
  const { classes, samples } = prepared;
  const seen = new Set<number>();
  for (const sample of samples) {
    if (seen.size === classes.length) break;
    if (sample.half !== 'train') continue;
    for (const [index, polygon] of (await prepared.readPolygons(sample)).entries()) if (polygon.length > 0) seen.add(index);
  }
  const indexes = [...classes.keys()].filter((index) => seen.has(index));
  return {
    names: indexes.map((index) => classes[index] ?? ''),
    indexes,
    missing: classes.filter((_, index) => !seen.has(index)),
  };
}

/** The values of the scored classes, from one value for each class. */
export function onlyScored<Value>(values: readonly Value[], { indexes }: ScoredClasses): Value[] {
  return indexes.map((index) => values[index] as Value);
}

/** The counts of the scored classes. */
export function scoredCounts({ images, pixels, truePixels }: CalibrationCounts, scored: ScoredClasses): CalibrationCounts {
  return { images, pixels: onlyScored(pixels, scored), truePixels: onlyScored(truePixels, scored) };
}
