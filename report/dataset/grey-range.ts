import type { InputSpec } from '@carpal/configs/schema/experiment.ts';
import type { Radiograph } from './radiograph.ts';

/** How grey values become numbers from 0 to 1. */
export type Normalize = InputSpec['normalize'];

/** The grey values that become 0 and 1. Values outside are clipped. `black` may be negative, `white` larger than every pixel. */
export type GreyRange = { readonly black: number; readonly white: number };

/** Depths of digital radiographs, in bits. */
const DEPTHS = [8, 10, 12, 14, 16];
/** Shares of the pixels that `percentile` makes black and white. */
const PERCENTILES = [0.005, 0.995] as const;
/** `perImage`: the standard deviations below and above the mean that become 0 and 1. Radiographs are dark, with bright bones. */
const DEVIATIONS = [2, 6] as const;

/**
 * Full white of an image whose largest value is `largest`: detectors of 10, 12 or 14 bits store their values in words of 16 bits, and taking
 * 65535 for white would leave the image almost black.
 */
export function whiteOf(largest: number): number {
  return 2 ** (DEPTHS.find((bits) => largest < 2 ** bits) ?? 16) - 1;
}

/** The range that `normalize` gives an image, from all its pixels at full depth. Never empty. */
export function greyRange(radiograph: Pick<Radiograph, 'pixels' | 'white'>, normalize: Normalize): GreyRange {
  if (normalize === 'unit') return { black: 0, white: radiograph.white };
  const counts = histogram(radiograph.pixels);
  const total = radiograph.pixels.length;
  const [black, white] = normalize === 'percentile' ? percentiles(counts, total) : deviations(counts, total);
  return { black, white: white > black ? white : black + 1 };
}

function histogram(pixels: Radiograph['pixels']): Uint32Array {
  const counts = new Uint32Array(pixels instanceof Uint8Array ? 256 : 65536);
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] as number;
    counts[value] = (counts[value] as number) + 1;
  }
  return counts;
}

function percentiles(counts: Uint32Array, total: number): [black: number, white: number] {
  const at = (share: number): number => {
    let seen = 0;
    return counts.findIndex((count) => {
      seen += count;
      return seen > share * (total - 1);
    });
  };
  return [at(PERCENTILES[0]), at(PERCENTILES[1])];
}

function deviations(counts: Uint32Array, total: number): [black: number, white: number] {
  let [sum, squares] = [0, 0];
  for (const [value, count] of counts.entries()) {
    sum += value * count;
    squares += value * value * count;
  }
  const mean = sum / total;
  const deviation = Math.sqrt(Math.max(0, squares / total - mean * mean));
  return [mean - DEVIATIONS[0] * deviation, mean + DEVIATIONS[1] * deviation];
}
