import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Predictor } from '../step/step.ts';
import { nextTurn } from './pause.ts';
import { pixelwiseNetwork, waves } from './testing/pixelwise-network.ts';
import { damp } from './view-mean.ts';
import { windowLogits, windowShares, windowStarts } from './windows.ts';

const unit = (pixels: Uint8Array): Float32Array => Float32Array.from(pixels, (value) => value / 255);
const WINDOW = { size: 16, stride: 8, weights: 'gaussian' } as const;

describe('windowStarts', () => {
  it.each([
    [2048, 1024, 512, [0, 512, 1024]],
    [100, 40, 25, [0, 25, 50, 60]],
    [64, 64, 32, [0]],
    [65, 64, 64, [0, 1]],
  ])(
    'places windows on a side of %d (size %d, stride %d) at every stride, with the last one at the border',
    (side, size, stride, expected) => {
      expect(windowStarts(side, size, stride)).toEqual(expected);
    },
  );
});

describe('windowShares', () => {
  it('assigns every pixel weights that sum to 1, for any side, size and stride', () => {
    const cases = fc.record({
      size: fc.integer({ min: 1, max: 40 }),
      more: fc.integer({ min: 0, max: 60 }),
      step: fc.integer({ min: 1, max: 40 }),
      weights: fc.constantFrom('uniform' as const, 'gaussian' as const),
    });
    fc.assert(
      fc.property(cases, ({ size, more, step, weights }) => {
        const side = size + more;
        const starts = windowStarts(side, size, Math.min(step, size));
        const total = new Float64Array(side);
        for (const [index, shares] of windowShares(starts, side, size, weights).entries()) {
          for (const [i, share] of shares.entries()) {
            expect(share).toBeGreaterThan(0);
            total[(starts[index] as number) + i] = (total[(starts[index] as number) + i] as number) + share;
          }
        }
        for (const sum of total) expect(sum).toBeCloseTo(1, 12);
      }),
    );
  });

  it('uses a Gaussian with a sigma of an eighth of the window', () => {
    const [first] = windowShares([0, 32], 96, 64, 'gaussian') as [Float64Array];
    const bell = (i: number): number => Math.exp(-0.5 * ((i - 31.5) / 8) ** 2);
    expect(first[40]).toBeCloseTo(bell(40) / (bell(40) + bell(8)), 12);
    expect(first[3]).toBe(1);
  });
});

describe('windowLogits', () => {
  it('returns the damped logits of the whole image for a pixelwise network', async () => {
    const network = pixelwiseNetwork(16, 2);
    for (const weights of ['uniform', 'gaussian'] as const) {
      for (const side of [16, 32, 41]) {
        const picture = unit(waves(side, 1));
        const whole = network.predictor.run(picture, 1, side);
        damp(whole);
        const seen = await windowLogits(network.predictor, picture, side, { ...WINDOW, weights, stride: 7 }, 2, nextTurn);
        for (let i = 0; i < whole.length; i++) expect(seen[i]).toBeCloseTo(whole[i] as number, 4);
      }
    }
  });

  it('shows windows unscaled, a few per run', async () => {
    const network = pixelwiseNetwork(16, 1);
    await windowLogits(network.predictor, unit(waves(40, 0)), 40, WINDOW, 1, nextTurn);
    expect(network.runs.every(({ size, count }) => size === 16 && count <= 3)).toBe(true);
    expect(network.runs.reduce((sum, { count }) => sum + count, 0)).toBe(16);
  });

  it('weights the middle of a window more than its border, unless the weights are uniform', async () => {
    // A network that is right in the middle of its input (0) and wrong at the border (1).
    const predictor: Predictor = {
      run: (_, count, size) =>
        Float32Array.from({ length: count * size * size }, (__, i) => {
          const [x, y] = [i % size, Math.floor(i / size) % size];
          return Math.min(x, y, size - 1 - x, size - 1 - y) < 4 ? 1 : 0;
        }),
      dispose: () => undefined,
    };
    const picture = new Float32Array(32 * 32);
    const at = 16 * 32 + 16;
    const [uniform, gaussian] = [
      await windowLogits(predictor, picture, 32, { ...WINDOW, weights: 'uniform' }, 1, nextTurn),
      await windowLogits(predictor, picture, 32, WINDOW, 1, nextTurn),
    ];
    expect(uniform[at]).toBeCloseTo(3 / 4, 5);
    expect(gaussian[at]).toBeLessThan(0.05);
  });
});
