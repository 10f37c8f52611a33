import { checkImageSize, MaskError } from './mask-error.ts';
import type { RleMask } from './rle-mask.ts';

const SPACE = 32;
const ZERO = 48;
/** Two numbers of ten digits, each followed by a space. */
const MAX_RUN_CHARACTERS = 22;

const decoder = new TextDecoder();
let characters = new Uint8Array(64 * 1024);
let parsed = new Uint32Array(8 * 1024);

/** The text of a mask in a submission: "start length start length …", row by row, where the first pixel is 1; '' if the mask is empty. */
export function formatRle(mask: RleMask): string {
  const { bounds } = mask;
  const capacity = (bounds.length >> 1) * MAX_RUN_CHARACTERS;
  if (characters.length < capacity) characters = new Uint8Array(capacity);
  const text = characters;
  let at = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    const start = bounds[i] as number;
    at = writeNumber(text, at, start + 1);
    text[at++] = SPACE;
    at = writeNumber(text, at, (bounds[i + 1] as number) - start);
    text[at++] = SPACE;
  }
  return at === 0 ? '' : decoder.decode(text.subarray(0, at - 1));
}

/**
 * Reads the text of a mask in a submission. Numbers are decimal digits separated by one or more spaces; leading and trailing spaces are
 * allowed, and an empty text is the empty mask. Runs must be in ascending order and may touch: other writers cut runs at the end of a row,
 * so runs that touch are joined. Everything else throws a MaskError whose position is the 0-based index of the wrong character or number:
 * another character, a start without a length, a start or a length of 0, runs that are not in order or overlap, and a run beyond the last
 * pixel of the image.
 */
export function parseRle(text: string, width: number, height: number): RleMask {
  checkImageSize(width, height);
  const total = width * height;
  // A run takes at least four characters, including a space, and gives two bounds.
  const capacity = (text.length >> 1) + 2;
  if (parsed.length < capacity) parsed = new Uint32Array(capacity);
  let count = 0;
  let previousEnd = 0;
  for (let at = skipSpaces(text, 0); at < text.length; ) {
    const startAt = at;
    const start = readNumber(text, startAt);
    const lengthAt = skipSpaces(text, readEnd);
    if (lengthAt === text.length)
      throw new MaskError(`The RLE text ends with start ${start} and no length, at character ${startAt}.`, startAt);
    const length = readNumber(text, lengthAt);
    const end = start - 1 + length;
    if (start <= previousEnd || length === 0 || end > total) throw badRun(start, length, startAt, lengthAt, previousEnd, total);
    if (start - 1 === previousEnd && count > 0) count--;
    else parsed[count++] = start - 1;
    parsed[count++] = end;
    previousEnd = end;
    at = skipSpaces(text, readEnd);
  }
  return { width, height, bounds: parsed.slice(0, count) };
}

/** The end of the number that readNumber read last. Returning it too would allocate an object for each number. */
let readEnd = 0;

function readNumber(text: string, at: number): number {
  let value = 0;
  let i = at;
  for (; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (i < text.length && text.charCodeAt(i) !== SPACE) {
    throw new MaskError(`An RLE text may contain only digits and spaces, not ${JSON.stringify(text[i])}, at character ${i}.`, i);
  }
  readEnd = i;
  return value;
}

function skipSpaces(text: string, at: number): number {
  let i = at;
  while (i < text.length && text.charCodeAt(i) === SPACE) i++;
  return i;
}

/** Writes the decimal digits of an integer below 2³² and returns the index after them. */
function writeNumber(text: Uint8Array, at: number, number: number): number {
  let digits = 1;
  for (let power = 10; number >= power; power *= 10) digits++;
  let rest = number;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = (rest / 10) >>> 0;
    text[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + digits;
}

function badRun(start: number, length: number, startAt: number, lengthAt: number, previousEnd: number, total: number): MaskError {
  if (start === 0) return new MaskError(`The RLE text has a start of 0, but the first pixel is 1, at character ${startAt}.`, startAt);
  if (length === 0) return new MaskError(`The RLE text has a run of length 0, at character ${lengthAt}.`, lengthAt);
  if (start - 1 < previousEnd) {
    return new MaskError(
      `The run from ${start} begins before the end of the previous run (${previousEnd}), at character ${startAt}.`,
      startAt,
    );
  }
  const position = start > total ? startAt : lengthAt;
  return new MaskError(`The RLE text goes beyond the last pixel of the image, ${total}, at character ${position}.`, position);
}
