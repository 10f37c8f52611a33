import { meanOf } from '../scoring/scoring.ts';
import type { DiceEstimates } from '../statistics/dice-estimates.ts';
import { boneGroups } from './bone-groups.ts';
import { escapeHtml } from './html.ts';
import { intervalText } from './interval-bar.ts';
import type { ReportData } from './report-data.ts';

/** The name of the experiment and its chief figures. */
export function reportHeader(data: ReportData, estimates: DiceEstimates): string {
  const { metadata, spec } = data.experiment;
  const who = [spec.owner, spec.task].filter((text) => text !== undefined && text !== '').join(' · ');
  const groups = boneGroups(data.classes).map(({ name, indexes }) => ({
    part: name.endsWith('finger') || name === 'Thumb' ? 'Fingers' : name,
    values: indexes.map((index) => data.score.perClass[index] ?? 0),
  }));
  const parts = [...new Set(groups.map((group) => group.part))];
  const tile = (value: string, label: string): string => `<div class="tile"><b>${value}</b><span>${escapeHtml(label)}</span></div>`;
  const interval = estimates.all.interval === undefined ? '' : `, 95 %: ${intervalText(estimates.all)}`;
  const tiles = [
    tile(data.score.images === 0 ? '–' : data.score.dice.toFixed(4), `mean Dice out of fold${interval}`),
    ...parts.map((part) => tile(meanOf(groups.filter((group) => group.part === part).flatMap((group) => group.values)).toFixed(3), part)),
    tile(String(data.score.images), `images scored, ${estimates.people} people`),
    tile(String(data.testImages), 'test images predicted'),
  ];
  const name = `<h1>${escapeHtml(metadata.name)}</h1><p class="dim">${escapeHtml([spec.model.name, `${spec.input.size} px`, who].filter(Boolean).join(' · '))}</p>`;
  return `<header>${name}<div class="tiles">${tiles.join('')}</div></header>`;
}
