import { meanOf } from '../infer/scoring.ts';
import { boneGroups } from './bone-groups.ts';
import { classColour } from './class-colours.ts';
import { escapeHtml } from './html.ts';
import type { ReportData } from './report-data.ts';

/** Bars begin here: bones lie so close under 1 that bars from 0 would all look alike. Lower values get a bar that is empty. */
const BAR_STEPS = [0.9, 0.8, 0.5, 0];

/** The greatest start of the bars that still shows the lowest value. */
export function barStart(values: readonly number[]): number {
  const lowest = Math.min(1, ...values);
  return BAR_STEPS.find((start) => start < lowest) ?? 0;
}

/** Dice of each class as a table: by part of the hand, in all and per fold, with bars, and the thresholds. */
export function classTable(data: ReportData): string {
  const start = barStart(data.score.perClass);
  const cells = (values: readonly (number | undefined)[]): string =>
    values.map((value) => `<td>${value === undefined ? '–' : value.toFixed(3)}</td>`).join('');
  const rowOf = (index: number): string => {
    const dice = data.score.perClass[index] ?? 0;
    const colour = classColour(index);
    const name = `<td><span class="swatch" style="background:${colour}"></span>${escapeHtml(data.classes[index] ?? '')}</td>`;
    const share = Math.max(0, ((dice - start) / (1 - start)) * 100).toFixed(1);
    const bar = `<td class="bar"><div class="track"><i style="width:${share}%;background:${colour}"></i></div></td>`;
    const chosen = data.thresholds[index];
    return `<tr>${name}${cells([dice])}${bar}${cells(data.folds.map((fold) => fold.score.perClass[index]))}<td>${chosen?.threshold ?? '–'}</td>${cells([chosen?.dice])}</tr>`;
  };
  const rows = boneGroups(data.classes).map(({ name, indexes }) => {
    const over = (perClass: readonly number[]): number => meanOf(indexes.map((index) => perClass[index] ?? 0));
    const folds = cells(data.folds.map((fold) => over(fold.score.perClass)));
    const heading = `<tr class="group"><td>${escapeHtml(name)}</td>${cells([over(data.score.perClass)])}<td></td>${folds}<td></td><td></td></tr>`;
    return heading + indexes.map(rowOf).join('');
  });
  const folds = data.folds.map(({ fold }) => `<th>fold ${fold}</th>`).join('');
  const bars = `<th style="text-align:left">${start.toFixed(1)} to 1</th>`;
  return `<div class="wide"><table><thead><tr><th>Class</th><th>Dice</th>${bars}${folds}<th>threshold</th><th>Dice with it</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}
