import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { IDENTITY, rotation } from '@carpal/masks/warp.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ImageLogits, imageLogits, LogitSum, onOneGrid, type Voter } from './image-logits.ts';
import type { ImageSquares } from './image-squares.ts';
import { nextTurn } from './pause.ts';
import { pixelwiseNetwork, waves } from './testing/pixelwise-network.ts';
import type { Viewing } from './views.ts';
import { betweenSquares, mirrored } from './views.ts';

const CLASSES = 2;
const viewing = (views: Viewing['views'], more: Partial<Viewing> = {}): Viewing => ({ views, degrees: 10, scale: 0.25, ...more });
const WINDOW = { size: 16, stride: 8, weights: 'gaussian', sheetSize: 40 } as const;

/** Waves at any requested size. `sizes` records the requests. */
function wavy(sizes: number[] = [], phase = 1): ImageSquares {
  const squareOf = (size: number): Uint8Array => {
    sizes.push(size);
    return waves(size, phase);
  };
  return { width: 100, height: 100, squareOf };
}

const logitsOf = (network: Voter, look: Viewing, image: ImageSquares, classes = CLASSES): Promise<ImageLogits> =>
  imageLogits(network, look, image, classes, nextTurn);

const logitOf = (value: number, classIndex: number): number => (classIndex + 1) * 8 * (value / 255 - 0.5);

/** The largest difference between logits and their pixels, except for pixels that a view may cut off or that lack neighbours. */
function worstDifference(logits: Float32Array, pixels: Uint8Array, views: Viewing['views']): number {
  const side = Math.sqrt(pixels.length);
  const middle = (side - 1) / 2;
  const reach = views.every((view) => view.startsWith('rotate')) ? side / 2 - 2 : side;
  let worst = 0;
  for (const [i, value] of logits.entries()) {
    const pixel = Math.floor(i / CLASSES);
    const [x, y] = [pixel % side, Math.floor(pixel / side)];
    if (Math.min(x, y, side - 1 - x, side - 1 - y) < 3 || Math.hypot(x - middle, y - middle) > reach) continue;
    worst = Math.max(worst, Math.abs(value - logitOf(pixels[pixel] as number, i % CLASSES)));
  }
  return worst;
}

describe('imageLogits', () => {
  it('runs mirrored views as one batch and keeps one map per view, bit for bit', async () => {
    const network = pixelwiseNetwork(32, CLASSES);
    const { maps, size } = await logitsOf({ ...network, weight: 3 }, viewing(['identity', 'flipHorizontal']), wavy());
    expect(network.runs).toEqual([{ count: 2, size: 32 }]);
    const unit = Float32Array.from(waves(32, 1), (value) => value / 255);
    const both = new Float32Array(2 * unit.length);
    both.set(unit);
    both.set(mirrored(unit, 32, 1, 'flipHorizontal'), unit.length);
    const answer = network.predictor.run(both, 2, 32);
    const half = answer.length / 2;
    expect(size).toBe(32);
    expect(maps).toEqual([
      { logits: answer.subarray(0, half), weight: 3 },
      { logits: mirrored(answer.subarray(half), 32, CLASSES, 'flipHorizontal'), weight: 3 },
    ]);
  });

  it('returns the same logits of a pixelwise network in every view and through windows', async () => {
    const cases = fc.record({
      views: fc.uniqueArray(fc.constantFrom(...TTA_NAMES), { minLength: 1, maxLength: 4 }),
      windows: fc.boolean(),
      phase: fc.double({ min: 0, max: 6, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ views, windows, phase }) => {
        const network = pixelwiseNetwork(40, CLASSES, 8);
        const look = viewing(views, windows ? { window: WINDOW } : {});
        const { maps, size } = await logitsOf(network, look, wavy([], phase));
        expect(size).toBe(40);
        for (const { logits } of maps) expect(worstDifference(logits, waves(40, phase), views)).toBeLessThan(0.25);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps one map for other views or windows, regardless of their number', async () => {
    for (const look of [viewing([...TTA_NAMES]), viewing(['identity', 'flipVertical'], { window: WINDOW })]) {
      expect((await logitsOf(pixelwiseNetwork(40, CLASSES, 8), look, wavy())).maps).toHaveLength(1);
    }
  });

  it('ignores a rotated view for the pixels that it cuts off', async () => {
    const white: ImageSquares = { width: 40, height: 40, squareOf: (size) => new Uint8Array(size * size).fill(255) };
    const look = viewing(['identity', 'rotateLeft', 'rotateRight'], { degrees: 30 });
    const [map] = (await logitsOf(pixelwiseNetwork(40, 1), look, white, 1)).maps;
    expect([map?.logits[0], map?.logits[39], map?.logits[40 * 40 - 1]]).toEqual([4, 4, 4]);
  });

  it('makes scaled views a multiple of the network size, and never smaller than one window', async () => {
    const network = pixelwiseNetwork(48, 1, 16);
    await logitsOf(network, viewing(['scaleDown', 'identity', 'scaleUp'], { scale: 0.3 }), wavy(), 1);
    expect(network.runs.map(({ size }) => size)).toEqual([32, 48, 64]);
    const sliding = pixelwiseNetwork(48, 1, 16);
    const sizes: number[] = [];
    await logitsOf(sliding, viewing(['scaleDown'], { scale: 0.5, window: { ...WINDOW, size: 32 } }), wavy(sizes), 1);
    expect([sizes, sliding.runs]).toEqual([[40], [{ count: 1, size: 32 }]]);
  });

  it.each([
    ['mirrored views', viewing(['identity', 'flipHorizontal']), 1],
    ['other views', viewing(['identity', 'rotateLeft', 'scaleUp']), 3],
    ['windows in views', viewing(['identity', 'flipVertical'], { window: WINDOW }), 2 * 6],
  ])('pauses after each run of the network with %s, and stops when the pause throws', async (_, look, runs) => {
    const network = pixelwiseNetwork(40, 1, 8);
    let pauses = 0;
    const counting = async (): Promise<void> => {
      await nextTurn();
      expect(network.runs).toHaveLength(++pauses);
    };
    await imageLogits(network, look, wavy(), 1, counting);
    expect(pauses).toBe(runs);
    const stopping = async (): Promise<void> => {
      await nextTurn();
      throw new RangeError('a stop was requested');
    };
    await expect(imageLogits(network, look, wavy(), 1, stopping)).rejects.toThrow('a stop was requested');
    expect(network.runs).toHaveLength(runs + 1);
  });
});

describe('onOneGrid', () => {
  it('enlarges the maps of smaller networks to the largest grid and keeps their weights', async () => {
    const image = wavy();
    const small = await logitsOf({ ...pixelwiseNetwork(40, CLASSES), weight: 2 }, viewing(['identity']), image);
    const large = await logitsOf(pixelwiseNetwork(80, CLASSES), viewing(['identity']), image);
    const { maps, size } = onOneGrid([small, large], CLASSES);
    expect([size, maps.map(({ weight }) => weight)]).toEqual([80, [2, 1]]);
    expect(maps[1]).toBe(large.maps[0]);
    const [enlarged, own] = maps.map(({ logits }) => logits) as [Float32Array, Float32Array];
    for (let y = 4; y < 76; y++) {
      for (let i = (y * 80 + 4) * CLASSES; i < (y * 80 + 76) * CLASSES; i++) {
        expect(Math.abs((enlarged[i] as number) - (own[i] as number))).toBeLessThan(0.25);
      }
    }
  });
});

describe('LogitSum', () => {
  it('is the mean of the added logits, class by class', () => {
    const sum = new LogitSum(2, 2);
    sum.add(Float32Array.from([1, 10, 2, 20, 3, 30, 4, 40]), 2, IDENTITY);
    sum.add(Float32Array.from([3, 10, 4, 20, 5, 30, 6, 40]), 2, IDENTITY);
    expect([...sum.mean()]).toEqual([2, 10, 3, 20, 4, 30, 5, 40]);
  });

  it('uses a rotated view only for the pixels that it shows', () => {
    const size = 9;
    const sum = new LogitSum(size, 1);
    sum.add(new Float32Array(size * size).fill(1), size, IDENTITY);
    sum.add(new Float32Array(size * size).fill(3), size, rotation(45, 4, 4));
    const mean = sum.mean();
    expect([mean[0], mean[8], mean[72], mean[80]]).toEqual([1, 1, 1, 1]);
    expect([mean[40], mean[4], mean[36]]).toEqual([2, 2, 2]);
  });

  it('returns "no bone" for a pixel that no view shows', () => {
    const sum = new LogitSum(9, 1);
    sum.add(new Float32Array(81).fill(3), 9, rotation(45, 4, 4));
    expect(sum.mean()[0]).toBeLessThan(-5);
  });

  it('enlarges with aligned pixel centres, so a slope stays in place', () => {
    const [from, to] = [8, 24];
    const sum = new LogitSum(to, 1);
    sum.add(
      Float32Array.from({ length: from * from }, (_, i) => (i % from) + 0.5),
      from,
      betweenSquares(to, from),
    );
    const mean = sum.mean();
    for (let x = 2; x < to - 2; x++) expect(mean[5 * to + x]).toBeCloseTo((x + 0.5) / 3, 5);
  });

  it('reads no pixel outside the view, at any size', () => {
    for (const [from, to] of [
      [1, 5],
      [5, 1],
      [2, 3],
      [7, 7],
    ] as const) {
      const sum = new LogitSum(to, 2);
      sum.add(new Float32Array(from * from * 2).fill(2), from, betweenSquares(to, from));
      expect([...sum.mean()]).toEqual(new Array(to * to * 2).fill(2));
    }
  });
});
