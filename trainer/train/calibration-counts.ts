import { CALIBRATION_LEVELS, type CalibrationCounts } from '@carpal/artifacts/figures.ts';
import type { ImageLogits } from '../infer/image-logits.ts';
import type { LogitMap } from '../infer/logits-to-mask.ts';

/** Logits beyond ±6.3 have level 0 or 255 without an exponential: 1 / (1 + e^6.3) is less than half a level. */
const SURE = 6.3;
/** Half of the coverage range 0 to 255. */
const HALF_COVERED = 128;

/**
 * Counts at training size how often a pixel of each probability belongs to the bone. Each class has 256 levels of the mean probability over
 * the views. The memory does not grow with the number of images.
 */
export class CalibrationCounter {
  readonly #classes: number;
  readonly #pixels: Float64Array;
  readonly #truePixels: Float64Array;
  #images = 0;

  constructor(classes: number) {
    this.#classes = classes;
    this.#pixels = new Float64Array(classes * CALIBRATION_LEVELS);
    this.#truePixels = new Float64Array(classes * CALIBRATION_LEVELS);
  }

  /**
   * Adds an image: the logits on its square, maps of `[size, size, classes]`, and the coverage of its masks on the same square, `[side,
   * side, classes]`. If `size` and `side` differ because of windows, a pixel uses the logits at its centre.
   */
  add({ maps, size }: ImageLogits, coverage: Uint8Array, side: number): void {
    const [pixels, truePixels, classes] = [this.#pixels, this.#truePixels, this.#classes];
    const scale = (CALIBRATION_LEVELS - 1) / maps.reduce((sum, { weight }) => sum + weight, 0);
    const places = Uint32Array.from({ length: side }, (_, at) => Math.floor(((at + 0.5) * size) / side));
    let place = 0;
    // An image of 512 px needs about ten million iterations, so the loops are plain, and the many certain pixels need no exponential.
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const from = ((places[y] as number) * size + (places[x] as number)) * classes;
        for (let classIndex = 0; classIndex < classes; classIndex++) {
          const at = classIndex * CALIBRATION_LEVELS + Math.round(weightedSum(maps, from + classIndex) * scale);
          pixels[at] = (pixels[at] as number) + 1;
          if ((coverage[place] as number) >= HALF_COVERED) truePixels[at] = (truePixels[at] as number) + 1;
          place += 1;
        }
      }
    }
    this.#images += 1;
  }

  counts(): CalibrationCounts {
    const rows = (counts: Float64Array): number[][] =>
      Array.from({ length: this.#classes }, (_, index) =>
        Array.from(counts.subarray(index * CALIBRATION_LEVELS, (index + 1) * CALIBRATION_LEVELS)),
      );
    return { images: this.#images, pixels: rows(this.#pixels), truePixels: rows(this.#truePixels) };
  }
}

/** The sum of the maps' probabilities at a place, each multiplied by its weight. */
function weightedSum(maps: readonly LogitMap[], place: number): number {
  let sum = 0;
  for (let index = 0; index < maps.length; index++) {
    const { logits, weight } = maps[index] as LogitMap;
    const logit = logits[place] as number;
    if (logit > SURE) sum += weight;
    else if (logit >= -SURE) sum += weight / (1 + Math.exp(-logit));
  }
  return sum;
}
