import { checkImageSize, MaskError } from '@carpal/masks/mask-error.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { RleBuilder } from '@carpal/masks/rle-mask.ts';
import { transpose } from './transpose.ts';

/**
 * COCO's format of a mask: size [height, width], and the lengths of the runs down the columns. The first run lies outside the mask and may
 * be 0.
 */
export type CocoRle = { readonly size: readonly [height: number, width: number]; readonly counts: readonly number[] };
/** The same with the counts compressed into text. */
export type CompressedCocoRle = { readonly size: readonly [height: number, width: number]; readonly counts: string };

/**
 * A count is split into groups of five bits, one per character. The next bit says that more characters follow; adding 48 makes it
 * printable.
 */
const DIGIT = 32;
const SIGN_BIT = 16;
const MORE_BIT = 32;
const FIRST_CHARACTER = 48;
/** Seven characters hold 35 bits, more than any count or difference of two. */
const MAX_DIGITS = 7;

/** The uncompressed COCO format, with the same counts as pycocotools. */
export function formatCoco(mask: RleMask): CocoRle {
  const { bounds } = transpose(mask);
  const counts: number[] = [];
  let at = 0;
  for (const bound of bounds) {
    counts.push(bound - at);
    at = bound;
  }
  const rest = mask.width * mask.height - at;
  if (rest > 0) counts.push(rest);
  return { size: [mask.height, mask.width], counts };
}

/**
 * Reads the uncompressed COCO format. Counts of 0 are allowed anywhere, as in pycocotools. Throws a MaskError, whose position is the index
 * of the count, for a count that is not a whole number of 0 or more, and for counts that do not sum to the number of the image's pixels.
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
    if (at + count > total) throw new MaskError(`Count ${index} goes beyond the image's ${total} pixels.`, index);
    if (index % 2 === 1 && count > 0) columns.add(at, at + count);
    at += count;
  });
  if (at !== total) throw new MaskError(`The counts sum to ${at}, but the image has ${total} pixels.`, coco.counts.length);
  return transpose(columns.finish(height, width));
}

/** The compressed COCO format, the same text as pycocotools. */
export function formatCompressedCoco(mask: RleMask): CompressedCocoRle {
  const { size, counts } = formatCoco(mask);
  let text = '';
  for (let i = 0; i < counts.length; i++) {
    // From the fourth count on, the difference to the second-last count is written. It is small where a shape is smooth.
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

/**
 * Reads the compressed COCO format. Throws the MaskErrors of parseCoco; for an error in the text, the position is that of the character.
 */
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
      if (at === text.length) throw new MaskError(`The COCO text ends within the number that starts at character ${start}.`, start);
      if (bits < 0 || bits > 63)
        throw new MaskError(`${JSON.stringify(text[at])} is not a character of COCO's text, at character ${at}.`, at);
      if (at - start === MAX_DIGITS)
        throw new MaskError(`The number that starts at character ${start} of the COCO text is too long.`, start);
      value += (bits & (DIGIT - 1)) * weight;
      weight *= DIGIT;
      at++;
    }
    if ((bits & SIGN_BIT) !== 0) value -= weight;
    counts.push(counts.length > 2 ? value + (counts[counts.length - 2] as number) : value);
  }
  return parseCoco({ size: coco.size, counts });
}
