import { boneGroups, classColour } from '../dataset/bone-classes.ts';
import type { ComparedRun, Comparison } from '../statistics/compare-runs.ts';
import type { Estimate } from '../statistics/estimates.ts';
import type { PairedDifference } from '../statistics/paired-difference.ts';
import { runColour } from './charts.ts';
import { barStart } from './class-table.ts';
import { memoryText, minutesText, probabilityText, sharedImagesText } from './comparison-text.ts';
import { differenceBar, intervalText, meanBar, type Scale, signed } from './estimate-bars.ts';
import { comparisonCurves } from './learning-curves.ts';
import { escapeHtml, htmlPage, section, wideTable } from './page.ts';

const HOW =
  'Dice is the mean over image × class, out of fold, at the threshold of each run’s manifest and without cleaning. Differences are computed image by image, on the images that both runs have. Intervals come from resampling people (bootstrap, 2,000 resamples). The p-value comes from flipping the signs of people’s differences: a small p means that such a difference is unlikely between runs that are equally good. With n people, p is at least 2 / 2ⁿ.';

const PER_CLASS =
  'To the right of the middle line the run is better than the first one. A dot is coloured if its interval excludes 0. Between runs that are equally good, about one class in twenty is coloured by chance, and more with few people.';

/** The comparison of runs as one self-contained HTML file. */
export function comparisonHtml({ classes, runs }: Comparison): string {
  const [first] = runs;
  if (!first) throw new RangeError('a comparison needs at least two runs');
  const title = runs.map((run) => run.title).join(' · ');
  const differences = runs.flatMap((run) => {
    if (!run.difference) return [];
    const heading = `${run.title} minus ${first.title}`;
    return [section(heading, `<p class="dim">${PER_CLASS}</p>${differenceTable(run, first, run.difference, classes)}`)];
  });
  const people = `${first.dice.images} images of ${first.dice.people} people, ${classes.length} classes`;
  return htmlPage(`Comparison: ${title}`, [
    `<header><h1>${escapeHtml(title)}</h1><p class="dim">${escapeHtml(people)}</p></header>`,
    section('Runs', `${runsTable(runs)}${notes(runs, first)}`),
    comparisonCurves(runs),
    ...differences,
  ]);
}

/** Possible half widths of the scale around 0. */
const REACHES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

function runsTable(runs: readonly ComparedRun[]): string {
  const from = barStart(runs.map(({ dice }) => dice.all.interval?.low ?? dice.all.mean));
  const columns = ['Run', 'Dice', '95 % interval', `${from.toFixed(1)} to 1`, 'Difference', '95 % interval', 'p'];
  const more = ['Network', 'Size', 'Images', 'Training', 'Memory'];
  const head = [...columns, ...more].map((column, index) => `<th scope="col"${index === 3 ? ' class="bar"' : ''}>${column}</th>`).join('');
  const rows = runs.map((run, index) => {
    const { dice, difference } = run;
    const swatch = `<span class="swatch" style="background:${runColour(index)}"></span>`;
    const cells = [
      dice.all.mean.toFixed(4),
      intervalText(dice.all, 4),
      meanBar(dice.all, { from, to: 1 }, runColour(index)),
      difference ? signed(difference.all.mean, 4) : 'first',
      difference ? intervalText(difference.all, 4) : '',
      difference ? escapeHtml(probabilityText(difference.p)) : '',
      escapeHtml(run.network),
      `${run.size} px`,
      String(dice.images),
      minutesText(run.trainingMinutes),
      memoryText(run.peakMemoryMb),
    ].map((text, at) => `<td${at === 2 ? ' class="bar"' : ''}>${text}</td>`);
    return `<tr><th scope="row">${swatch}${escapeHtml(run.title)}</th>${cells.join('')}</tr>`;
  });
  return wideTable('Runs', `<thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody>`);
}

function notes(runs: readonly ComparedRun[], first: ComparedRun): string {
  const shared = runs.map((run) => sharedImagesText(run, first)).filter((note) => note !== '');
  return [HOW, ...shared].map((note) => `<p class="dim">${escapeHtml(note)}</p>`).join('');
}

/**
 * The difference of each class between two runs as a table with a plot. To the right of the middle line the run is better than the first
 * one.
 */
function differenceTable(run: ComparedRun, first: ComparedRun, difference: PairedDifference, classes: readonly string[]): string {
  const scale = differenceScale([difference.all, ...difference.perClass]);
  const nothing: Estimate = { mean: 0, interval: undefined };
  const row = (name: string, estimate: Estimate, dice: readonly (Estimate | undefined)[], kind = ''): string => {
    const cells = [
      `<th scope="row">${name}</th>`,
      `<td>${signed(estimate.mean, 4)}</td>`,
      `<td class="bar">${differenceBar(estimate, scale)}</td>`,
      `<td>${intervalText(estimate, 4)}</td>`,
      ...dice.map((value) => `<td>${value === undefined ? '–' : value.mean.toFixed(4)}</td>`),
    ];
    return `<tr${kind}>${cells.join('')}</tr>`;
  };
  const body = boneGroups(classes).map(({ name, indexes }) => {
    const rows = indexes.map((index) => {
      const className = `<span class="swatch" style="background:${classColour(index)}"></span>${escapeHtml(classes[index] ?? '')}`;
      return row(className, difference.perClass[index] ?? nothing, [first.dice.perClass[index], run.dice.perClass[index]]);
    });
    const heading = `<tr class="group"><th scope="rowgroup">${escapeHtml(name)}</th><td></td><td></td><td></td><td></td><td></td></tr>`;
    return `<tbody>${heading}${rows.join('')}</tbody>`;
  });
  const ends = `${signed(scale.from, 3)} to ${signed(scale.to, 3)}`;
  const columns = ['Class', 'Difference', ends, '95 % interval', first.title, run.title];
  const head = columns.map((column, index) => `<th scope="col"${index === 2 ? ' class="bar"' : ''}>${escapeHtml(column)}</th>`).join('');
  const all = row('All classes', difference.all, [first.dice.all, run.dice.all], ' class="group"');
  const label = `Dice of ${run.title} minus ${first.title}, per class`;
  return wideTable(label, `<thead><tr>${head}</tr></thead><tbody>${all}</tbody>${body.join('')}`);
}

/** The smallest round scale around 0 that contains all estimates and their intervals. */
export function differenceScale(estimates: readonly Estimate[]): Scale {
  const ends = estimates.flatMap(({ mean, interval }) => [mean, interval?.low ?? mean, interval?.high ?? mean]);
  const farthest = Math.max(0, ...ends.map(Math.abs));
  const reach = REACHES.find((candidate) => candidate >= farthest) ?? 1;
  return { from: -reach, to: reach };
}
