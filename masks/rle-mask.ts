import { checkImageSize, MaskError } from './mask-error.ts';

/**
 * A run-length encoded binary mask. Pixels are numbered row by row from 0, and `bounds` contains sorted [start, end) pairs; no run is empty
 * or touches the next. Every mask has exactly one such form, so equal masks have equal bounds.
 */
export type RleMask = { readonly width: number; readonly height: number; readonly bounds: Uint32Array };

/** The mask without pixels. */
export function emptyMask(width: number, height: number): RleMask {
  checkImageSize(width, height);
  return { width, height, bounds: new Uint32Array(0) };
}

/** Whether two masks contain the same pixels of an image of the same size. */
export function equalMasks(a: RleMask, b: RleMask): boolean {
  if (a.width !== b.width || a.height !== b.height || a.bounds.length !== b.bounds.length) return false;
  for (let i = 0; i < a.bounds.length; i++) if (a.bounds[i] !== b.bounds[i]) return false;
  return true;
}

/** The mask of a bitmap of width × height bytes, row by row. Every byte except 0 is inside. */
export function maskFromBitmap(bitmap: Uint8Array, width: number, height: number): RleMask {
  checkImageSize(width, height);
  const total = width * height;
  if (bitmap.length !== total) throw new MaskError(`A ${width}×${height} bitmap has ${total} bytes, not ${bitmap.length}.`);
  // Four bytes are compared in one operation through a 32-bit view, which must start at a multiple of four bytes.
  const pixels = bitmap.byteOffset % 4 === 0 ? bitmap : bitmap.slice();
  const words = new Int32Array(pixels.buffer, pixels.byteOffset, total >>> 2);
  const builder = new RleBuilder();
  for (let start = nextSet(pixels, words, 0); start < total; ) {
    const end = nextClear(pixels, words, start + 1);
    builder.add(start, end);
    start = nextSet(pixels, words, end);
  }
  return builder.finish(width, height);
}

/** The bitmap of a mask: width × height bytes, row by row, 1 inside and 0 outside. */
export function bitmapFromMask({ width, height, bounds }: RleMask): Uint8Array {
  const bitmap = new Uint8Array(width * height);
  for (let i = 0; i < bounds.length; i += 2) bitmap.fill(1, bounds[i], bounds[i + 1]);
  return bitmap;
}

/** The first pixel from `at` on that is not 0, or the number of pixels. */
function nextSet(pixels: Uint8Array, words: Int32Array, at: number): number {
  let pixel = at;
  for (; pixel % 4 !== 0 && pixel < pixels.length; pixel++) if (pixels[pixel] !== 0) return pixel;
  let word = pixel >>> 2;
  const lastOfFour = words.length - 3;
  while (word < lastOfFour && fourWords(words, word) === 0) word += 4;
  while (word < words.length && words[word] === 0) word++;
  for (pixel = Math.max(pixel, word * 4); pixel < pixels.length; pixel++) if (pixels[pixel] !== 0) return pixel;
  return pixel;
}

/** Returns 0 if and only if all four words are 0. */
function fourWords(words: Int32Array, at: number): number {
  return (words[at] as number) | (words[at + 1] as number) | (words[at + 2] as number) | (words[at + 3] as number);
}

/** The first pixel from `at` on that is 0, or the number of pixels. */
function nextClear(pixels: Uint8Array, words: Int32Array, at: number): number {
  let pixel = at;
  for (; pixel % 4 !== 0 && pixel < pixels.length; pixel++) if (pixels[pixel] === 0) return pixel;
  let word = pixel >>> 2;
  while (word < words.length && !hasZeroByte(words[word] as number)) word++;
  for (pixel = Math.max(pixel, word * 4); pixel < pixels.length; pixel++) if (pixels[pixel] === 0) return pixel;
  return pixel;
}

/**
 * Whether one of the four bytes of the word is 0. Subtracting 1 from every byte sets a high bit that was clear only if the byte borrows
 * from the next one. The lowest byte that borrows is 0.
 */
function hasZeroByte(word: number): boolean {
  return ((word - 0x01010101) & ~word & 0x80808080) !== 0;
}

/** Collects runs in ascending order and joins runs that touch, so the result is canonical. */
export class RleBuilder {
  private bounds: Uint32Array;
  private count = 0;

  constructor(capacity = 256) {
    this.bounds = new Uint32Array(capacity * 2);
  }

  /** Appends pixels start … end − 1. The run must not be empty and must not start before the end of the last run. */
  add(start: number, end: number): void {
    const { count } = this;
    if (count > 0 && this.bounds[count - 1] === start) {
      this.bounds[count - 1] = end;
      return;
    }
    if (count === this.bounds.length) this.grow();
    this.bounds[count] = start;
    this.bounds[count + 1] = end;
    this.count = count + 2;
  }

  /** The mask of the runs added since the last finish, in memory of its own. Empties the builder. */
  finish(width: number, height: number): RleMask {
    const bounds = this.bounds.slice(0, this.count);
    this.count = 0;
    return { width, height, bounds };
  }

  private grow(): void {
    const larger = new Uint32Array(Math.max(16, this.bounds.length * 2));
    larger.set(this.bounds);
    this.bounds = larger;
  }
}
