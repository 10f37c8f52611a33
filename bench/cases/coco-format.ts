import { checkImageSize, MaskError } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { RleBuilder } from '@carpal/masks/rle-mask.ts';
import { transpose } from './transpose.ts';

/** COCO's form of a mask: size [height, width] and the lengths of the runs down the columns, the first of them outside (perhaps 0). */
export type CocoRle = { readonly size: readonly [height: number, width: number]; readonly counts: readonly number[] };
/** The same with the counts pressed into text. */
export type CompressedCocoRle = { readonly size: readonly [height: number, width: number]; readonly counts: string };

/** A compressed count is cut into five bits a character; the next bit says that more follow, and 48 makes it a printable character. */
const DIGIT = 32;
const SIGN_BIT = 16;
const MORE_BIT = 32;
const FIRST_CHARACTER = 48;
/** Seven characters hold 35 bits, more than any count or difference of two. */
const MAX_DIGITS = 7;

/** The uncompressed COCO form, the same counts as pycocotools makes. */
export function formatCoco(runs: RleMask): CocoRle {
  const { bounds } = transpose(runs);
  const counts: number[] = [];
  let at = 0;
  for (const bound of bounds) {
    counts.push(bound - at);
    at = bound;
  }
  const rest = runs.width * runs.height - at;
  if (rest > 0) counts.push(rest);
  return { size: [runs.height, runs.width], counts };
}

/**
 * Reads the uncompressed COCO form. Counts of 0 are allowed anywhere, as pycocotools allows them. MaskError, whose position is the index
 * of the count, for a count that is not a whole number of 0 or more, and for counts that do not sum to the sheet's pixels.
 */
export function parseCoco(coco: CocoRle): RleMask {
  const [height, width] = coco.size;
  checkImageSize(width, height);
  const total = width * height;
  const columns = new RleBuilder(Math.max(1, (coco.counts.length + 1) >> 1));
  let at = 0;
  coco.counts.forEach((count, index) => {
    if (!Number.isInteger(count) || count < 0)
      throw new MaskError(`Count ${index} must be a whole number of 0 or more, not ${count}.`, index);
    if (at + count > total) throw new MaskError(`Count ${index} goes beyond the sheet's ${total} pixels.`, index);
    if (index % 2 === 1 && count > 0) columns.add(at, at + count);
    at += count;
  });
  if (at !== total) throw new MaskError(`The counts sum to ${at}, but the sheet has ${total} pixels.`, coco.counts.length);
  return transpose(columns.finish(height, width));
}

/** The compressed COCO form, the same text as pycocotools makes. */
export function formatCompressedCoco(runs: RleMask): CompressedCocoRle {
  const { size, counts } = formatCoco(runs);
  let text = '';
  for (let i = 0; i < counts.length; i++) {
    // From the fourth count on the difference to the count before the last is written, which is small where a shape is smooth.
    let rest = (counts[i] as number) - (i > 2 ? (counts[i - 2] as number) : 0);
    let more = true;
    while (more) {
      const bits = ((rest % DIGIT) + DIGIT) % DIGIT;
      rest = Math.floor(rest / DIGIT);
      more = (bits & SIGN_BIT) !== 0 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(FIRST_CHARACTER + bits + (more ? MORE_BIT : 0));
    }
  }
  return { size, counts: text };
}

/** Reads the compressed COCO form. MaskErrors as in parseCoco; for the text itself the position is that of the character. */
export function parseCompressedCoco(coco: CompressedCocoRle): RleMask {
  const counts: number[] = [];
  const text = coco.counts;
  let at = 0;
  while (at < text.length) {
    const start = at;
    let value = 0;
    let weight = 1;
    let bits = MORE_BIT;
    while ((bits & MORE_BIT) !== 0) {
      bits = at < text.length ? text.charCodeAt(at) - FIRST_CHARACTER : -1;
      if (at === text.length) throw new MaskError(`The COCO text ends within the number from character ${start}.`, start);
      if (bits < 0 || bits > 63) throw new MaskError(`${JSON.stringify(text[at])} is no character of COCO's text, at character ${at}.`, at);
      if (at - start === MAX_DIGITS) throw new MaskError(`The number from character ${start} of the COCO text is too long.`, start);
      value += (bits & (DIGIT - 1)) * weight;
      weight *= DIGIT;
      at++;
    }
    if ((bits & SIGN_BIT) !== 0) value -= weight;
    counts.push(counts.length > 2 ? value + (counts[counts.length - 2] as number) : value);
  }
  return parseCoco({ size: coco.size, counts });
}
