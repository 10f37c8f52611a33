import { CALIBRATION_LEVELS } from '@carpal/artifacts/figures.ts';
import { cleanedEveryWay } from '@carpal/masks/cleaning.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { dice } from '@carpal/masks/measure.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { maskFromBitmap, type RleMask } from '@carpal/masks/rle-mask.ts';
import { describe, expect, it } from 'vitest';
import { BinReader } from './bin-reader.ts';
import { classParts } from './class-parts.ts';
import { logitsToMask } from './logits-to-mask.ts';
import { logitOf } from './probability-bins.ts';
import { type ClassScore, TriedThresholds } from './tried-thresholds.ts';

/** The score of a map of one class. */
function scoreOf(logits: Float32Array, size: number, truth: RleMask, tried: TriedThresholds): ClassScore {
  const [parts] = classParts(logits, size, 1, tried.bins.lowestLogit);
  if (!parts) throw new Error('a map has parts');
  return tried.score(new BinReader(parts, truth.width, truth.height, tried.bins).next(), truth);
}

/** Logits of a blob with specks and holes. */
function speckledBlob(size: number, seed: number): Float32Array {
  const random = randomFor(seed, 'blob');
  return Float32Array.from({ length: size * size }, (_, at) => {
    const [x, y] = [at % size, Math.floor(at / size)];
    const blob = 4 - Math.hypot(x - size / 2, y - size / 2);
    return blob + (random.next() < 0.1 ? random.range(-8, 8) : 0);
  });
}

const disc = (side: number, radius: number): RleMask => {
  const inside = (at: number): number => (Math.hypot((at % side) - side / 2, Math.floor(at / side) - side / 2) < radius ? 1 : 0);
  return maskFromBitmap(
    Uint8Array.from({ length: side * side }, (_, at) => inside(at)),
    side,
    side,
  );
};

describe('TriedThresholds', () => {
  it('tries hundredths, every twentieth of them with cleanings, and the manifest’s threshold with both', () => {
    const tried = new TriedThresholds(0.333);
    expect(tried.thresholds.length).toBe(92);
    expect([tried.thresholds[0], tried.thresholds.at(-1)]).toEqual([0.05, 0.95]);
    expect(tried.thresholds).toContain(0.333);
    expect(tried.cleanedThresholds).toEqual(
      [...Array.from({ length: 17 }, (_, step) => (10 + 5 * step) / 100), 0.333].sort((a, b) => a - b),
    );
    expect(new TriedThresholds(0.5).thresholds.length).toBe(91);
  });

  it.each([1, 2, 3])('scores exactly what the masks score, at every threshold and with every cleaning (seed %i)', (seed) => {
    const [size, side] = [16, 40];
    const tried = new TriedThresholds(0.5);
    const logits = speckledBlob(size, seed);
    const truth = disc(side, 10);
    const score = scoreOf(logits, size, truth, tried);
    const fit = squareFit(side, side, size);
    const maskAt = (threshold: number): RleMask =>
      logitsToMask({ logits, classIndex: 0, classes: 1, fit, width: side, height: side, threshold });
    expect(Array.from(score.dice)).toEqual(tried.thresholds.map((threshold) => dice(maskAt(threshold), truth)));
    const cleaned = tried.cleanedThresholds.map((threshold) => cleanedEveryWay(maskAt(threshold)).map((mask) => dice(mask, truth)));
    expect(score.cleaned.map((row) => Array.from(row))).toEqual([1, 2, 3].map((way) => cleaned.map((scores) => scores[way])));
    expect(new Set(cleaned.flat()).size).toBeGreaterThan(20);
    expect(score.mask).toEqual(maskAt(0.5).bounds);
  });

  it('scores a mask that is as empty as the truth with 1', () => {
    const score = scoreOf(new Float32Array(16).fill(-9), 4, maskFromBitmap(new Uint8Array(16), 4, 4), new TriedThresholds(0.5));
    expect(new Set(score.dice)).toEqual(new Set([1]));
  });

  it('counts each pixel at the level of its probability', () => {
    const random = randomFor(1, 'probabilities');
    const probabilities = Array.from({ length: 900 }, () => random.next());
    const truth = maskFromBitmap(
      Uint8Array.from(probabilities, (probability) => (random.next() < probability ? 1 : 0)),
      30,
      30,
    );
    const score = scoreOf(Float32Array.from(probabilities, logitOf), 30, truth, new TriedThresholds(0.5));
    const expected = Array.from({ length: CALIBRATION_LEVELS }, () => 0);
    for (const probability of probabilities) {
      const level = Math.round(probability * (CALIBRATION_LEVELS - 1));
      expected[level] = (expected[level] ?? 0) + 1;
    }
    expect(Array.from(score.pixels)).toEqual(expected);
    expect(score.truePixels.reduce((sum, count) => sum + count, 0)).toBe(truth.bounds.reduce((sum, at, i) => sum + (i % 2 ? at : -at), 0));
  });

  it('does not clean noise, which would take seconds', () => {
    const size = 330;
    const logits = Float32Array.from({ length: size * size }, (_, at) => ((at + Math.floor(at / size)) % 2 === 0 ? 3 : -3));
    const score = scoreOf(logits, size, disc(size, 100), new TriedThresholds(0.5));
    const places = new TriedThresholds(0.5).cleanedThresholds.map((at) => new TriedThresholds(0.5).thresholds.indexOf(at));
    for (const row of score.cleaned) expect(Array.from(row)).toEqual(places.map((place) => score.dice[place]));
  });
});
