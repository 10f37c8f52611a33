import type { Comparison } from '../statistics/compare-runs.ts';
import type { Estimate } from '../statistics/dice-estimates.ts';

/** The comparison as `--json` prints it. An interval is [low, high], or null where fewer than two people are in it. */
export function comparisonJson({ classes, runs }: Comparison): object {
  const estimate = ({ mean, interval }: Estimate): object => ({ mean, interval: interval ? [interval.low, interval.high] : null });
  const byClass = (perClass: readonly Estimate[]): object =>
    Object.fromEntries(classes.map((name, index) => [name, estimate(perClass[index] ?? { mean: 0, interval: undefined })]));
  return {
    reference: runs[0]?.title,
    runs: runs.map(({ title, place, network, size, dice, difference, trainingMinutes, peakMemoryMb }) => ({
      title,
      place,
      network,
      size,
      images: dice.images,
      people: dice.people,
      dice: { ...estimate(dice.all), perClass: byClass(dice.perClass) },
      ...(difference && {
        difference: {
          ...estimate(difference.all),
          p: difference.p,
          images: difference.images,
          people: difference.people,
          changedImages: difference.changed,
          perClass: byClass(difference.perClass),
        },
      }),
      trainingMinutes,
      peakMemoryMb,
    })),
  };
}
