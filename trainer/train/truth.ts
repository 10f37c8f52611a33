import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';

/**
 * The true masks of samples at the size of their own image, one per class. They are filled once and kept: as runs, the 29 masks of a
 * 2048 × 2048 sheet take some 100 kB.
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
