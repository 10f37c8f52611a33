import { area, dice } from '@carpal/masks/measure.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { maskFromBitmap, type RleMask } from '@carpal/masks/rle-mask.ts';
import { describe, expect, it } from 'vitest';
import { AreaMatch } from './area-match.ts';
import type { ImageLogits } from './image-logits.ts';
import { thresholdMask } from './vote.ts';

const [SIZE, SIDE, NETWORKS, IMAGES] = [32, 64, 5, 12];
const CANDIDATES = Array.from({ length: 91 }, (_, step) => (step + 5) / 100);
const image = { width: SIDE, height: SIDE };
const asLogits = (logits: Float32Array): ImageLogits => ({ logits, size: SIZE });
const maskAt = (logits: Float32Array, threshold: number): RleMask => thresholdMask(asLogits(logits), image, 1, 0, threshold);

/** One network's logits of a disc. It draws the outline too far inside, somewhere else than the others, and has noise of its own. */
function networkLogits(index: number, network: number, radius: number, isDead: boolean): Float32Array {
  const random = randomFor(index, `network ${network}`);
  const inside = random.range(0.5, 2.5);
  const sharpness = random.range(0.8, 2.5);
  const noise = Array.from({ length: 8 }, () => random.range(-1, 1));
  return Float32Array.from({ length: SIZE * SIZE }, (_, at) => {
    const [x, y] = [(at % SIZE) + 0.5 - SIZE / 2, Math.floor(at / SIZE) + 0.5 - SIZE / 2];
    const bumps = noise.reduce((sum, strength, wave) => sum + strength * Math.cos(wave * Math.atan2(y, x) + strength), 0) / 4;
    return isDead ? -9 : Math.max(-12, Math.min(12, sharpness * (radius / 2 - inside / 2 + bumps - Math.hypot(x, y))));
  });
}

const radiusOf = (index: number): number => 10 + index;
const truths = Array.from({ length: IMAGES }, (_, index) => {
  const inside = (at: number): boolean =>
    Math.hypot((at % SIDE) + 0.5 - SIDE / 2, Math.floor(at / SIDE) + 0.5 - SIDE / 2) < radiusOf(index);
  return maskFromBitmap(
    Uint8Array.from({ length: SIDE * SIDE }, (_, at) => Number(inside(at))),
    SIDE,
    SIDE,
  );
});

/** The logits of all networks for each image, [image][network]. The second half of the images is not annotated. */
const logitsWith = (dead: number): Float32Array[][] =>
  truths.map((_, index) =>
    Array.from({ length: NETWORKS }, (_, network) => networkLogits(index, network, radiusOf(index), network < dead)),
  );
const meanOf = (networks: readonly Float32Array[]): Float32Array =>
  (networks[0] as Float32Array).map((_, at) => networks.reduce((sum, logits) => sum + (logits[at] as number), 0) / networks.length);
const meanDice = (maps: readonly Float32Array[], at: number, from: number): number =>
  maps.reduce((sum, logits, index) => sum + dice(maskAt(logits, at), truths[from + index] as RleMask), 0) / maps.length;

describe('AreaMatch', () => {
  it.each([
    ['all networks find the bone', 0],
    ['one of five networks finds nothing', 1],
  ])('makes the vote better than 0.5 does, and no worse than the threshold of a single network, if %s', (_, dead) => {
    const all = logitsWith(dead);
    const half = IMAGES / 2;
    // Fitted out of fold: each annotated image by one network that lives.
    const single = all.slice(0, half).map((networks, index) => networks[dead + (index % (NETWORKS - dead))] as Float32Array);
    const fitted = CANDIDATES.reduce((best, at) => (meanDice(single, at, 0) > meanDice(single, best, 0) ? at : best), 0.5);
    expect(fitted).toBeLessThan(0.45);
    const test = all.slice(half);
    const match = new AreaMatch([fitted]);
    for (const networks of test) {
      match.add(
        networks.map((logits) => match.areasOf(asLogits(logits), image)),
        match.areasOf(asLogits(meanOf(networks)), image),
      );
    }
    const votes = test.map(meanOf);
    const [matched, plain, manifest] = [match.thresholdOf(0), fitted, 0.5].map((at) => meanDice(votes, at, half)) as [
      number,
      number,
      number,
    ];
    expect(matched).toBeGreaterThan(manifest + 0.05);
    // Where all networks are alike, both thresholds are about as good.
    expect(matched).toBeGreaterThan(plain - 0.005);
    if (dead > 0) expect(matched).toBeGreaterThan(plain + 0.05);
  });

  it('measures the areas of the masks', () => {
    const logits = networkLogits(3, 1, 14, false);
    const match = new AreaMatch([0.335]);
    const areas = match.areasOf(asLogits(logits), image)[0] ?? [];
    expect(areas.length).toBe(100);
    expect([areas[0], areas[33], areas[99]]).toEqual([0.01, 0.335, 0.99].map((at) => area(maskAt(logits, at))));
  });

  it('keeps the fitted threshold if the vote is that of equal networks, or if they find nothing', () => {
    const logits = asLogits(networkLogits(3, 1, 14, false));
    const nothing = asLogits(new Float32Array(SIZE * SIZE).fill(-9));
    for (const answer of [logits, nothing]) {
      const match = new AreaMatch([0.335]);
      const areas = match.areasOf(answer, image);
      match.add([areas, areas, areas], areas);
      expect(match.thresholdOf(0)).toBe(0.335);
    }
  });
});
