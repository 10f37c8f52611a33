import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ImageLogits, imageLogits, type Voter } from './image-logits.ts';
import type { ImageSquares } from './image-squares.ts';
import { nextTurn } from './pause.ts';
import { pixelwiseNetwork, waves } from './testing/pixelwise-network.ts';
import { damp } from './view-mean.ts';
import type { Viewing } from './views.ts';

const CLASSES = 2;
const viewing = (views: Viewing['views'], more: Partial<Viewing> = {}): Viewing => ({ views, degrees: 10, scale: 0.25, ...more });
const WINDOW = { size: 16, stride: 8, weights: 'gaussian' } as const;

/** Waves at any requested size. `sizes` records the requests. */
function wavy(sizes: number[] = [], phase = 1): ImageSquares {
  const squareOf = (size: number): Uint8Array => {
    sizes.push(size);
    return waves(size, phase);
  };
  return { width: 100, height: 100, squareOf };
}

const logitsOf = (network: Voter, look: Viewing, image: ImageSquares, classes = CLASSES): Promise<ImageLogits> =>
  imageLogits([network], look, image, classes, nextTurn);

function logitOf(value: number, classIndex: number): number {
  const logit = Float32Array.of((classIndex + 1) * 8 * (value / 255 - 0.5));
  damp(logit);
  return logit[0] as number;
}

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
  it('returns what one network says about the image itself, bit for bit, however much the network weighs', async () => {
    const network = pixelwiseNetwork(32, CLASSES);
    const { logits, size } = await logitsOf({ ...network, weight: 3 }, viewing(['identity']), wavy());
    const unit = Float32Array.from(waves(32, 1), (value) => value / 255);
    expect(size).toBe(32);
    expect(logits).toEqual(network.predictor.run(unit, 1, 32));
  });

  it('shows small views of one size in one run, and large ones one by one', async () => {
    const look = viewing(['identity', 'flipHorizontal', 'rotateLeft', 'flipVertical', 'scaleUp']);
    const small = pixelwiseNetwork(40, 1, 8);
    await logitsOf(small, look, wavy(), 1);
    expect(small.runs).toEqual([
      { count: 3, size: 40 },
      { count: 1, size: 40 },
      { count: 1, size: 48 },
    ]);
    const large = pixelwiseNetwork(1024, 1, 8);
    await logitsOf(large, viewing(['identity', 'flipHorizontal']), wavy(), 1);
    expect(large.runs.map(({ count }) => count)).toEqual([1, 1]);
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
        const { logits, size } = await logitsOf(network, look, wavy([], phase));
        expect(size).toBe(40);
        // One network with the image itself is not averaged, so nothing is damped.
        if (!windows && views.join() === 'identity') damp(logits);
        expect(worstDifference(logits, waves(40, phase), views)).toBeLessThan(0.25);
      }),
      { numRuns: 60 },
    );
  });

  it('slides windows of the size of a crop over the whole image for a network that was trained on crops', async () => {
    const network = { ...pixelwiseNetwork(16, 1), imageSize: 40 };
    const { size } = await logitsOf(network, viewing(['identity']), wavy(), 1);
    expect(size).toBe(40);
    expect(network.runs.every((run) => run.size === 16)).toBe(true);
    expect(network.runs.reduce((sum, { count }) => sum + count, 0)).toBe(16);
  });

  it('ignores a rotated view for the pixels that it cuts off', async () => {
    const white: ImageSquares = { width: 40, height: 40, squareOf: (size) => new Uint8Array(size * size).fill(255) };
    const look = viewing(['identity', 'rotateLeft', 'rotateRight'], { degrees: 30 });
    const { logits } = await logitsOf(pixelwiseNetwork(40, 1), look, white, 1);
    expect([logits[0], logits[39], logits[40 * 40 - 1]]).toEqual([4, 4, 4]);
  });

  it('makes scaled views a multiple of the network size, and never smaller than one window', async () => {
    const network = pixelwiseNetwork(48, 1, 16);
    await logitsOf(network, viewing(['scaleDown', 'identity', 'scaleUp'], { scale: 0.3 }), wavy(), 1);
    expect(network.runs.map(({ size }) => size)).toEqual([32, 48, 64]);
    const sliding = pixelwiseNetwork(48, 1, 16);
    const sizes: number[] = [];
    await logitsOf(sliding, viewing(['scaleDown'], { scale: 0.5, window: { ...WINDOW, size: 32 } }), wavy(sizes), 1);
    expect([sizes, sliding.runs]).toEqual([[96], [{ count: 1, size: 32 }]]);
  });

  it.each([
    ['mirrored views', viewing(['identity', 'flipHorizontal']), 1],
    ['other views', viewing(['identity', 'rotateLeft', 'scaleUp']), 2],
    ['windows in views', viewing(['identity', 'flipVertical'], { window: WINDOW }), 2 * 6],
  ])('pauses after each run of the network with %s, and stops when the pause throws', async (_, look, runs) => {
    const network = pixelwiseNetwork(40, 1, 8);
    let pauses = 0;
    const counting = async (): Promise<void> => {
      await nextTurn();
      expect(network.runs).toHaveLength(++pauses);
    };
    await imageLogits([network], look, wavy(), 1, counting);
    expect(pauses).toBe(runs);
    const stopping = async (): Promise<void> => {
      await nextTurn();
      throw new RangeError('a stop was requested');
    };
    await expect(imageLogits([network], look, wavy(), 1, stopping)).rejects.toThrow('a stop was requested');
    expect(network.runs).toHaveLength(runs + 1);
  });
});

describe('imageLogits of several networks', () => {
  /** A network that gives every pixel the same logit. */
  const constant = (logit: number, size: number, weight: number): Voter => ({
    predictor: { run: (_, count, side) => new Float32Array(count * side * side).fill(logit), dispose: () => undefined },
    inputSize: size,
    imageSize: size,
    sizeMultiple: 1,
    weight,
  });

  it('counts each network by its weight', async () => {
    const two = await imageLogits([constant(1, 8, 2), constant(-0.5, 8, 1)], viewing(['identity']), wavy(), 1, nextTurn);
    const three = await imageLogits(
      [constant(1, 8, 1), constant(1, 8, 1), constant(-0.5, 8, 1)],
      viewing(['identity']),
      wavy(),
      1,
      nextTurn,
    );
    expect(two.logits[0]).toBeCloseTo(three.logits[0] as number, 6);
    expect(two.logits[0]).toBeGreaterThan(0.25);
  });

  it('enlarges smaller networks to the largest grid, with aligned pixel centres', async () => {
    const networks = [pixelwiseNetwork(40, CLASSES), pixelwiseNetwork(80, CLASSES)];
    const { logits, size } = await imageLogits(networks, viewing(['identity', 'flipHorizontal']), wavy(), CLASSES, nextTurn);
    expect(size).toBe(80);
    expect(worstDifference(logits, waves(80, 1), ['identity'])).toBeLessThan(0.25);
  });

  it('shows each network the image at the size that it was trained at', async () => {
    const sides: number[] = [];
    const networks = [pixelwiseNetwork(16, 1), { ...pixelwiseNetwork(16, 1), imageSize: 48 }];
    await imageLogits(networks, viewing(['identity']), wavy(sides), 1, nextTurn);
    expect(sides).toEqual([16, 48]);
  });
});
