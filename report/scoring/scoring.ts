import { createHash } from 'node:crypto';
import { dice } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';

/** Dice of one image per class, in class order. */
export type ImageDice = { readonly imageName: string; readonly perClass: readonly number[] };

export type Score = {
  /** The mean over image × class, which is the competition's metric. */
  readonly dice: number;
  readonly images: number;
  /** The mean over images, in class order. */
  readonly perClass: readonly number[];
  /** Worst image first. */
  readonly perImage: readonly { readonly imageName: string; readonly dice: number }[];
};

/** Dice per class. A class that is empty in both masks has Dice 1. */
export function scoreMasks(masks: readonly RleMask[], truth: readonly RleMask[]): number[] {
  return truth.map((mask, index) => dice(masks[index] as RleMask, mask));
}

/** The mean; 0 for an empty list. */
export const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Summarises the Dice of images. Without images, all values are 0. */
export function summarise(images: readonly ImageDice[]): Score {
  const classes = images[0]?.perClass.length ?? 0;
  const perClass = Array.from({ length: classes }, (_, index) => meanOf(images.map((image) => image.perClass[index] ?? 0)));
  const perImage = images.map(({ imageName, perClass: values }) => ({ imageName, dice: meanOf(values) })).sort((a, b) => a.dice - b.dice);
  return { dice: meanOf(perClass), images: images.length, perClass, perImage };
}

const DIGITS = 16;

/**
 * A short hash of an image's true masks in class order, at the image's own size. It does not depend on the machine or the training size.
 */
export function truthHash(truth: readonly RleMask[]): string {
  const hash = createHash('sha256');
  for (const { width, height, bounds } of truth) hash.update(`${width}×${height}:${bounds.join()};`);
  return hash.digest('hex').slice(0, DIGITS);
}
