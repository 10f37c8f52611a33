import { boneGroups, classColour } from '../dataset/bone-classes.ts';
import { meanOf } from '../scoring/scoring.ts';
import { calibrationOf } from '../statistics/calibration.ts';
import { type DiceEstimates, diceEstimates, type Estimate } from '../statistics/estimates.ts';
import { intervalText, meanBar } from './estimate-bars.ts';
import { escapeHtml, wideTable } from './page.ts';
import type { ReportData } from './report-data.ts';

/**
 * Possible start values of the bars. Dice values are so close to 1 that bars from 0 would all look alike. Values below the start get an
 * empty bar.
 */
const BAR_STEPS = [0.9, 0.8, 0.5, 0];

/** The largest start value below the lowest value; 0 if there is none. */
export function barStart(values: readonly number[]): number {
  const lowest = Math.min(1, ...values);
  return BAR_STEPS.find((start) => start < lowest) ?? 0;
}

/** Whether any class's masks are cleaned. */
const isCleaned = ({ thresholds }: ReportData): boolean => thresholds.some(({ cleaning }) => cleaning !== 'none');

/** The mean; undefined if a value is unknown. */
function meanOrUnknown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? undefined : meanOf(known);
}

const CLEANING_TEXT = {
  none: '–',
  largest: 'largest part',
  fill: 'holes filled',
  'largest+fill': 'largest part, filled',
} as const;

type Row = {
  /** HTML. */
  readonly name: string;
  readonly indexes: readonly number[];
  readonly estimate: Estimate;
  readonly colour: string;
};

/** The table of Dice per class, grouped by part of the hand: intervals, calibration, thresholds, and Dice per fold. */
export function classTable(data: ReportData, estimates: DiceEstimates): string {
  const from = barStart(estimates.perClass.map(({ mean, interval }) => interval?.low ?? mean));
  const groups = boneGroups(data.classes);
  const groupEstimates = diceEstimates(
    data.images.map(({ group, perClass }) => ({
      group,
      perClass: groups.map(({ indexes }) => meanOf(indexes.map((index) => perClass[index] ?? 0))),
    })),
  ).perClass;
  const nothing: Estimate = { mean: 0, interval: undefined };
  const all = { name: 'All classes', indexes: data.classes.map((_, index) => index), estimate: estimates.all, colour: 'var(--accent)' };
  const rowText = (row: Row): string => cellsOf(data, row, { from, to: 1 });
  const body = groups.map(({ name, indexes }, at) => {
    const heading = { name: escapeHtml(name), indexes, estimate: groupEstimates[at] ?? nothing, colour: 'var(--dim)' };
    const rows = indexes.map((index) => {
      const colour = classColour(index);
      const swatch = `<span class="swatch" style="background:${colour}"></span>`;
      const className = `${swatch}${escapeHtml(data.classes[index] ?? '')}`;
      return `<tr>${rowText({ name: className, indexes: [index], estimate: estimates.perClass[index] ?? nothing, colour })}</tr>`;
    });
    return `<tr class="group">${rowText(heading)}</tr>${rows.join('')}`;
  });
  const columns = [
    'Class',
    'Dice',
    '95 % interval',
    `${from.toFixed(1)} to 1`,
    ...(data.calibration ? ['ECE'] : []),
    'threshold',
    ...(isCleaned(data) ? ['cleaning'] : []),
    'chosen Dice',
    'gain',
    ...data.folds.map(({ fold }) => `fold ${fold}`),
  ];
  const head = columns.map((column, index) => `<th scope="col"${index === 3 ? ' class="bar"' : ''}>${column}</th>`).join('');
  return wideTable(
    'Dice per class',
    `<thead><tr>${head}</tr></thead><tbody><tr class="group">${rowText(all)}</tr>${body.join('')}</tbody>`,
  );
}

function cellsOf(data: ReportData, { name, indexes, estimate, colour }: Row, scale: { from: number; to: number }): string {
  const cell = (text: string): string => `<td>${text}</td>`;
  const number = (value: number | undefined): string => cell(value === undefined ? '–' : value.toFixed(3));
  const [only] = indexes.length === 1 ? indexes : [];
  const chosen = only === undefined ? undefined : data.thresholds[only];
  const ece = data.calibration ? number(calibrationOf(data.calibration, indexes)?.error) : '';
  const folds = data.folds.map(({ score }) => number(meanOf(indexes.map((index) => score.perClass[index] ?? 0))));
  return [
    `<th scope="row">${name}</th>`,
    number(estimate.mean),
    cell(intervalText(estimate)),
    `<td class="bar">${meanBar(estimate, scale, colour)}</td>`,
    ece,
    cell(chosen === undefined ? '' : String(chosen.threshold)),
    isCleaned(data) ? cell(chosen === undefined ? '' : CLEANING_TEXT[chosen.cleaning]) : '',
    number(meanOrUnknown(indexes.map((index) => data.thresholds[index]?.dice))),
    number(meanOrUnknown(indexes.map((index) => data.thresholds[index]?.gain))),
    ...folds,
  ].join('');
}
