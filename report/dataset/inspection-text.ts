import type { Inspection } from './inspect.ts';

/** The number of pairs printed; `--json` prints all of them. */
const OVERLAPS_SHOWN = 12;

/** An inspection as text for a terminal: counts, table of classes, overlaps, then defects with their paths. */
export function inspectionText(inspection: Inspection): string {
  const { folder, people, images, forms, grey, classes, overlaps, defects } = inspection;
  const lines = [
    `${folder}`,
    `  train   ${images.train} images of ${peopleText(people.train)}`,
    `  test    ${images.test} images of ${peopleText(people.test)}`,
    ...forms.map(
      ({ width, height, bits, channels, white, images: count }) =>
        `  format  ${width} × ${height}, ${bits} bit${rangeText(bits, white)}, ${channels} ${channels === 1 ? 'channel' : 'channels'}: ${count} images`,
    ),
    `  grey    mean ${grey.mean.toFixed(3)}, std ${grey.std.toFixed(3)} (of 1); mean ${(grey.mean * 255).toFixed(1)} of 255`,
    '',
    ...table(
      ['class', 'images', 'mean area', 'std', 'min', 'max'],
      classes.map(({ name, images: count, mean, std, min, max }) => [name, count, ...[mean, std, min, max].map(Math.round)].map(String)),
    ),
    '',
  ];
  if (overlaps.length > 0) {
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    lines.push(
      ...table(
        ['overlap', 'images', 'mean IoU', 'of first', 'of second'],
        overlaps
          .slice(0, OVERLAPS_SHOWN)
          .map((pair) => [
            `${pair.first} – ${pair.second}`,
            String(pair.images),
            pair.iou.toFixed(3),
            percent(pair.shareOfFirst),
            percent(pair.shareOfSecond),
          ]),
      ),
    );
    if (overlaps.length > OVERLAPS_SHOWN) lines.push(`  and ${overlaps.length - OVERLAPS_SHOWN} more pairs`);
    lines.push('');
  }
  const stopping = defects.filter(({ stops }) => stops).length;
  if (defects.length === 0) lines.push('No defects found.');
  else
    lines.push(
      `${defects.length} ${defects.length === 1 ? 'defect' : 'defects'}, ${stopping} of which ${stopping === 1 ? 'stops' : 'stop'} training:`,
    );
  for (const { kind, stops, path, what } of defects) lines.push(`  ${stops ? 'stops' : 'note '}  ${kind}: ${what} (${path})`);
  return `${lines.join('\n')}\n`;
}

/** The range of values in use, if it is not that of the depth. */
const rangeText = (bits: number, white: number): string => (white === 2 ** bits - 1 ? '' : `, values to ${white}`);

const peopleText = (count: number): string => `${count} ${count === 1 ? 'person' : 'people'}`;

/** Aligned columns with headings: the first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`;
  return [line(head), ...rows.map(line)];
}
