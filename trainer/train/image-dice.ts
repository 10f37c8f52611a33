import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { dice } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { logitsToMask } from '../infer/logits-to-mask.ts';

/** Settings that are the same for all images of a validation. */
export type DiceSettings = {
  readonly preparedFolder: string;
  /** Side of the square of the logits. */
  readonly size: number;
  readonly classes: number;
  readonly threshold: number;
};

/** The Dice of each class, in class order, of the masks from logits `[size, size, classes]` at the size of the original image. */
export function imageDice(
  logits: Float32Array,
  { width, height }: PreparedSample,
  truth: readonly RleMask[],
  { size, classes, threshold }: DiceSettings,
): readonly number[] {
  const fit = squareFit(width, height, size);
  return truth.map((mask, classIndex) => dice(logitsToMask({ logits, classIndex, classes, fit, width, height, threshold }), mask));
}

/**
 * The true masks of samples at the size of the original image, one per class. They are computed once and kept: as RLE masks, the 29 masks
 * of a 2048 × 2048 image take about 100 kB.
 */
export class TruthMasks {
  readonly #prepared: PreparedSet;
  readonly #masks = new Map<string, readonly RleMask[]>();

  constructor(prepared: PreparedSet) {
    this.#prepared = prepared;
  }

  async of(sample: PreparedSample): Promise<readonly RleMask[]> {
    const known = this.#masks.get(sample.imageName);
    if (known) return known;
    const polygons = await this.#prepared.readPolygons(sample);
    const masks = polygons.map((polygon) => fillPolygon(polygon, sample.width, sample.height));
    this.#masks.set(sample.imageName, masks);
    return masks;
  }
}
