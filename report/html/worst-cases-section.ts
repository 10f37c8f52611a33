import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { worstCases } from '../statistics/worst-cases.ts';
import { classColour } from './class-colours.ts';
import { escapeHtml } from './html.ts';
import { section, wideTable } from './page.ts';

const SHOWN = 20;

/** The single masks that went worst out of fold; nothing without images. */
export function worstCasesSection(images: readonly ScoredImage[], classes: readonly string[]): string {
  const cases = worstCases(images, SHOWN);
  if (cases.length === 0) return '';
  const rows = cases.map(({ imageName, group, fold, classIndex, dice }) => {
    const swatch = `<span class="swatch" style="background:${classColour(classIndex)}"></span>`;
    const className = `${swatch}${escapeHtml(classes[classIndex] ?? '')}`;
    return `<tr><th scope="row">${escapeHtml(imageName)}</th><td class="words">${className}</td><td>${dice.toFixed(4)}</td><td>${escapeHtml(group)}</td><td>${fold}</td></tr>`;
  });
  const head = '<th scope="col">Image</th><th scope="col" class="words">Class</th><th scope="col">Dice</th><th scope="col">Person</th>';
  const table = wideTable('Worst cases', `<thead><tr>${head}<th scope="col">Fold</th></tr></thead><tbody>${rows.join('')}</tbody>`);
  const masks = images.flatMap(({ perClass }) => perClass);
  const missed = masks.filter((dice) => dice === 0).length;
  const sentences = [
    `The ${cases.length} masks with the least Dice, each by the network of the fold that never saw its person.`,
    missed === 0 ? '' : `${missed} of ${masks.length} masks have no pixel in common with the true one.`,
  ];
  const note = `<p class="dim">${sentences.join(' ').trim()}</p>`;
  return section('Worst cases', `${note}${table}`);
}
