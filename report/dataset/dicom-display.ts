/** From the stored values of a DICOM image to the values to show, in which a larger value is brighter. */
import { CarpalError } from '@carpal/configs/errors.ts';
import type { DataSet } from 'dicom-parser';
import { whiteOf } from './grey-range.ts';

/** Where a word holds its value, and how the value is shown. */
export type StoredValues = {
  readonly dataSet: DataSet;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  /** MONOCHROME1: the smallest value is white. */
  readonly inverted: boolean;
};

const DEEP_WHITE = 65535;

/**
 * For every word that can be stored, the value to show, from 0 to `white`. `stored` are the words of the image: without a window or a lookup
 * table, they decide on the range.
 */
export function displayValues(
  image: StoredValues,
  stored: Uint8Array | Uint16Array,
  path: string,
): { readonly values: Uint16Array; readonly white: number } {
  const { dataSet, inverted, signed } = image;
  if (dataSet.elements['x00283000'])
    throw new CarpalError('image-unreadable', 'a modality lookup table is not supported (DICOM)', { where: path });
  const readWord = wordReader(image, stored.BYTES_PER_ELEMENT);
  const isPadding = paddingOf(dataSet, signed);
  const slope = dataSet.floatString('x00281053') ?? 1;
  const intercept = dataSet.floatString('x00281052') ?? 0;
  const voi = windowOf(dataSet) ?? lookupTableOf(dataSet);
  const words = Array.from({ length: 256 ** stored.BYTES_PER_ELEMENT }, (_, word) => readWord(word));
  const { low, range } = voi ? { low: 0, range: DEEP_WHITE } : rangeOf(stored, words, isPadding, image.bitsStored);
  const isDark = inverted !== (!voi && slope < 0);
  const values = new Uint16Array(words.length);
  for (const [word, value] of words.entries()) {
    if (isPadding(value)) continue;
    const shown = voi ? Math.round(voi(value * slope + intercept) * range) : Math.min(Math.max(value - low, 0), range);
    values[word] = isDark ? range - shown : shown;
  }
  return { values, white: range };
}

/** Reads the stored bits of a word, with their sign. */
function wordReader({ bitsStored, highBit, signed }: StoredValues, bytes: number): (word: number) => number {
  const shift = Math.max(0, Math.min(highBit, 8 * bytes - 1) - bitsStored + 1);
  const signBit = 2 ** (bitsStored - 1);
  return (word) => {
    const value = (word >> shift) & (2 ** bitsStored - 1);
    return signed && value >= signBit ? value - 2 * signBit : value;
  };
}

/** Values are shown as they are: from the smallest that occurs, if it is negative, to the white of the depth in use. */
function rangeOf(
  stored: Uint8Array | Uint16Array,
  words: readonly number[],
  isPadding: (value: number) => boolean,
  bitsStored: number,
): { low: number; range: number } {
  const occurs = new Uint8Array(words.length);
  for (let i = 0; i < stored.length; i++) occurs[stored[i] as number] = 1;
  let [low, high] = [0, 0];
  for (const [word, value] of words.entries()) {
    if (occurs[word] === 0 || isPadding(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // Fewer stored bits than a word has are the depth of the detector; a full word says nothing.
  const white = bitsStored < 16 ? 2 ** bitsStored - 1 : whiteOf(high);
  return { low, range: low < 0 ? high - low : white };
}

function paddingOf(dataSet: DataSet, signed: boolean): (value: number) => boolean {
  const read = (tag: string): number | undefined => (signed ? dataSet.int16(tag) : dataSet.uint16(tag));
  const first = read('x00280120');
  if (first === undefined) return () => false;
  const last = read('x00280121') ?? first;
  return (value) => value >= Math.min(first, last) && value <= Math.max(first, last);
}

/** A transfer function from a value to a brightness from 0 to 1. */
type Voi = (value: number) => number;

const clamp = (value: number): number => Math.min(Math.max(value, 0), 1);

/** The first window of the file, as the standard defines its function (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
function windowOf(dataSet: DataSet): Voi | undefined {
  const centre = dataSet.floatString('x00281050', 0);
  const width = dataSet.floatString('x00281051', 0);
  if (centre === undefined || width === undefined || !Number.isFinite(centre) || !(width > 0)) return undefined;
  const form = dataSet.string('x00281056')?.trim() ?? 'LINEAR';
  if (form === 'SIGMOID') return (value) => 1 / (1 + Math.exp((-4 * (value - centre)) / width));
  if (form === 'LINEAR_EXACT') return (value) => clamp((value - centre) / width + 0.5);
  if (width <= 1) return (value) => (value <= centre - 0.5 ? 0 : 1);
  return (value) => clamp((value - (centre - 0.5)) / (width - 1) + 0.5);
}

/** The first VOI lookup table. Undefined if there is none or it is not a plain one. */
function lookupTableOf(dataSet: DataSet): Voi | undefined {
  const item = dataSet.elements['x00283010']?.items?.[0]?.dataSet;
  const data = item?.elements['x00283006'];
  if (!item || !data) return undefined;
  const [count = 0, first = 0, bits = 0] = [item.uint16('x00283002', 0), item.uint16('x00283002', 1), item.uint16('x00283002', 2)];
  const entries = count === 0 ? 65536 : count;
  if (bits < 8 || bits > 16 || data.length < 2 * entries) return undefined;
  return (value) => {
    const at = Math.min(Math.max(Math.round(value) - first, 0), entries - 1);
    return (item.uint16('x00283006', at) ?? 0) / (2 ** bits - 1);
  };
}
