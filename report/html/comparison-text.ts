import { type ComparedRun, type Comparison, greatestDifferences } from '../statistics/compare-runs.ts';
import type { Estimate } from '../statistics/estimates.ts';
import { intervalText, numberText, signed } from './estimate-bars.ts';

const CLASSES_SHOWN = 5;

/** A probability with three decimals, or `< 0.001`. */
export const probabilityText = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));

/** Minutes with one decimal, hours from two hours on, or a dash if nothing was timed. */
export function minutesText(minutes: number): string {
  if (minutes === 0) return '–';
  return minutes < 120 ? `${minutes.toFixed(1)} min` : `${(minutes / 60).toFixed(1)} h`;
}

export const memoryText = (megabytes: number): string => (megabytes === 0 ? '–' : `${Math.round(megabytes)} MB`);

/** The images left out of a difference, as a sentence; empty if both runs have the same images. */
export function sharedImagesText({ title, dice, difference }: ComparedRun, first: ComparedRun): string {
  if (!difference) return '';
  const { images, changed } = difference;
  const changedText =
    changed > 0
      ? ` ${changed} ${changed === 1 ? 'image is' : 'images are'} left out because the true masks under the same name differ.`
      : '';
  if (images === dice.images && images === first.dice.images) return '';
  return `${title}: the difference is over the ${images} images in common with ${first.title}.${changedText}`;
}

/** The comparison for a terminal: a table with one line per run, then the classes that differ most. */
export function comparisonText({ classes, runs }: Comparison): string {
  const [first] = runs;
  if (!first) return '';
  const table = [['RUN', 'NETWORK', 'SIZE', 'IMAGES', 'DICE', '95 %', 'DIFFERENCE', '95 %', 'P', 'TRAINING', 'MEMORY'], ...runs.map(row)];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  const lines = table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const classLines = runs.flatMap(({ title, difference }) => {
    if (!difference) return [];
    const most = greatestDifferences(difference, CLASSES_SHOWN);
    const list = most.map(({ classIndex, mean }) => `${classes[classIndex] ?? ''} ${signed(mean, 4)}`).join(', ');
    return [`  ${title}: ${list === '' ? 'no class differs' : list}`];
  });
  const notes = runs.map((run) => sharedImagesText(run, first)).filter((note) => note !== '');
  const people = `Differences are relative to ${first.title}, image by image; intervals (bootstrap) and p (sign flips) are over people.`;
  return `${[...lines, '', `Classes that differ most from ${first.title}`, ...classLines, '', people, ...notes].join('\n')}\n`;
}

function row({ title, network, size, dice, difference, trainingMinutes, peakMemoryMb }: ComparedRun): string[] {
  return [
    title,
    network,
    `${size}`,
    `${dice.images} of ${dice.people} people`,
    numberText(dice.all.mean, 4),
    intervalText(dice.all, 4),
    ...(difference ? [signed(difference.all.mean, 4), intervalText(difference.all, 4), probabilityText(difference.p)] : ['', '', '']),
    minutesText(trainingMinutes),
    memoryText(peakMemoryMb),
  ];
}

/** The comparison as `--json` prints it. An interval is [low, high], or null if it covers fewer than two people. */
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
