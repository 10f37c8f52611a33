/** What an inspection finds in one image and its annotation. */
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { greyRange } from './grey-range.ts';
import type { Radiograph } from './radiograph.ts';

type DefectKind =
  | 'image-unreadable'
  | 'image-too-large'
  | 'image-name-doubled'
  | 'image-doubled'
  | 'image-range'
  | 'image-form'
  | 'annotation-missing'
  | 'annotation-invalid'
  | 'annotation-without-image'
  | 'annotation-scale'
  | 'class-missing'
  | 'class-absent'
  | 'polygon-out-of-bounds'
  | 'person-in-both-halves'
  | 'file-ignored'
  | 'table-unreadable'
  | 'table-incomplete';

/** A defect of the data set. `stops` is true if training would reject the data set because of it. */
export type Defect = { readonly kind: DefectKind; readonly stops: boolean; readonly path: string; readonly what: string };

/** Size, depth and channels of images. `white` is full white of the depth in use (see Radiograph). */
export type ImageForm = {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly channels: number;
  readonly white: number;
};

/** What one image and its annotation show. */
export type ImageFindings = {
  readonly path: string;
  readonly form?: ImageForm;
  readonly grey?: GreyFacts;
  /** The hash of the decoded pixels. */
  readonly pixels?: string;
  readonly masks?: readonly RleMask[];
  /** Undefined without a readable annotation. */
  readonly annotation?: { readonly path: string; readonly missingClasses: readonly string[] };
  readonly defects: readonly Defect[];
};

/** Sums over the pixels of an image, and the range that most of them are in, all in units of white. */
export type GreyFacts = {
  readonly sum: number;
  readonly squares: number;
  readonly pixels: number;
  /** The 0.5th and the 99.5th percentile, as `normalize: percentile` takes them. */
  readonly dark: number;
  readonly bright: number;
};

export function greyFacts(pixels: Radiograph['pixels'], white: number): GreyFacts {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] as number;
    sum += value;
    squares += value * value;
  }
  const range = greyRange({ pixels, white }, 'percentile');
  return { sum: sum / white, squares: squares / white ** 2, pixels: pixels.length, dark: range.black / white, bright: range.white / white };
}
