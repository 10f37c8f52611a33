import { boneGroups, classColour } from '../dataset/bone-classes.ts';
import { strokeText } from './stroke-font.ts';

export type Legend = {
  /** The first line, in bold. */
  readonly title: string;
  /** Further lines below the title. */
  readonly notes: readonly string[];
  readonly classes: readonly string[];
  /** The text to the right of each class: a Dice, or nothing. */
  readonly values: readonly (string | undefined)[];
  /** Whether the image has a mask of the class; otherwise the class is dimmed. */
  readonly present: readonly boolean[];
};

export const LEGEND_WIDTH = 212;
const MARGIN = 16;
const HEADER_LINE = 16;
const SMALLEST_ROW = 13;
const LARGEST_ROW = 26;
const GROUP_GAP = 0.45;

const GROUND = '#14171c';
const BRIGHT = '#f2f4f7';
const DIM = '#8a93a0';

const headerHeight = (legend: Legend): number => MARGIN + 14 + legend.notes.length * HEADER_LINE + 12;
const lineCount = (legend: Legend): number => legend.classes.length + (boneGroups(legend.classes).length - 1) * GROUP_GAP;

/** The smallest height at which the legend is readable. */
export function legendHeight(legend: Legend): number {
  return Math.ceil(headerHeight(legend) + lineCount(legend) * SMALLEST_ROW + MARGIN);
}

/** A line of text, scaled down if it is wider than `room`. */
function fitted(text: string, x: number, y: number, capHeight: number, colour: string, room: number, bold = false): string {
  const { width } = strokeText(text, { x, y, capHeight, colour });
  return strokeText(text, { x, y, capHeight: capHeight * Math.min(1, room / width), colour, bold }).svg;
}

/** The panel next to the image as SVG: title, notes, and the colour, name and value of each class. */
export function legendSvg(legend: Legend, height: number): string {
  const room = LEGEND_WIDTH - 2 * MARGIN;
  const parts = [`<rect width="${LEGEND_WIDTH}" height="${height}" fill="${GROUND}"/>`];
  parts.push(fitted(legend.title, MARGIN, MARGIN + 11, 11, BRIGHT, room, true));
  for (const [index, note] of legend.notes.entries())
    parts.push(fitted(note, MARGIN, MARGIN + 14 + (index + 1) * HEADER_LINE, 8.5, DIM, room));
  const top = headerHeight(legend);
  const row = Math.min(LARGEST_ROW, (height - top - MARGIN) / lineCount(legend));
  let y = top;
  for (const group of boneGroups(legend.classes)) {
    for (const index of group.indexes) {
      parts.push(classRow(legend, index, y, row));
      y += row;
    }
    y += row * GROUP_GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${LEGEND_WIDTH}" height="${height}">${parts.join('')}</svg>`;
}

function classRow(legend: Legend, index: number, y: number, row: number): string {
  const colour = classColour(index);
  const present = legend.present[index] === true;
  const box = Math.min(14, row - 3);
  const capHeight = Math.min(9.5, row * 0.56);
  const middle = y + row / 2;
  const shape = `x="${MARGIN}" y="${middle - box / 2}" width="${box * 1.5}" height="${box}" rx="3"`;
  const swatch = `<rect ${shape} fill="${colour}" fill-opacity="${present ? 0.45 : 0.08}" stroke="${colour}" stroke-opacity="${present ? 1 : 0.35}" stroke-width="1.5"/>`;
  const name = legend.classes[index] ?? '';
  const baseline = middle + capHeight / 2;
  const text = strokeText(name, { x: MARGIN + box * 1.5 + 9, y: baseline, capHeight, colour: present ? BRIGHT : DIM }).svg;
  const value = legend.values[index];
  if (value === undefined) return swatch + text;
  const style = { y: baseline, capHeight, colour: present ? BRIGHT : DIM };
  const { width } = strokeText(value, { x: 0, ...style });
  return swatch + text + strokeText(value, { x: LEGEND_WIDTH - MARGIN - width, ...style }).svg;
}
