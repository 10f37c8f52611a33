import type { ComparedRun } from '../statistics/compare-runs.ts';
import type { Estimate } from '../statistics/dice-estimates.ts';
import type { PairedDifference } from '../statistics/paired-difference.ts';
import { boneGroups } from './bone-groups.ts';
import { classColour } from './class-colours.ts';
import { escapeHtml } from './html.ts';
import { differenceBar, intervalText, type Scale, signed } from './interval-bar.ts';
import { wideTable } from './page.ts';

/** Half the width of a scale around 0 is one of these: the least that holds every interval. */
const REACHES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

/** The least round scale around 0 that holds all estimates and their intervals. */
export function differenceScale(estimates: readonly Estimate[]): Scale {
  const ends = estimates.flatMap(({ mean, interval }) => [mean, interval?.low ?? mean, interval?.high ?? mean]);
  const farthest = Math.max(0, ...ends.map(Math.abs));
  const reach = REACHES.find((candidate) => candidate >= farthest) ?? 1;
  return { from: -reach, to: reach };
}

/** The difference of each class between two runs as a table with a plot: right of the middle line the run is better than the first. */
export function differenceTable(run: ComparedRun, first: ComparedRun, difference: PairedDifference, classes: readonly string[]): string {
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
  const label = `Dice of ${run.title} less ${first.title}, per class`;
  return wideTable(label, `<thead><tr>${head}</tr></thead><tbody>${all}</tbody>${body.join('')}`);
}
