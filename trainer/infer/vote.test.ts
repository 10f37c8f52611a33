import type { ClassCut } from '@carpal/artifacts/thresholds.ts';
import { CLEANINGS, cleaned } from '@carpal/masks/cleaning.ts';
import { components } from '@carpal/masks/components.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { equalMasks, type RleMask } from '@carpal/masks/rle-mask.ts';
import { majority } from '@carpal/masks/vote.ts';
import { describe, expect, it } from 'vitest';
import type { Voter } from './image-logits.ts';
import type { ImageSquares } from './image-squares.ts';
import { type MaskVote, voteMasks } from './vote.ts';

const SIZE = 24;
const CLASSES = CLEANINGS.length;
const image: ImageSquares = { width: 40, height: 30, squareOf: (size) => new Uint8Array(size * size) };
const viewing: MaskVote['viewing'] = { views: ['identity'], degrees: 10, scale: 0.25 };
/** Each class has a different cleaning. */
const cuts = CLEANINGS.map((cleaning): ClassCut => ({ threshold: 0.55, cleaning }));
const uncleaned = cuts.map(({ threshold }): ClassCut => ({ threshold, cleaning: 'none' }));

/** A network that outputs noise for any image, so that its masks have specks and holes. */
function speckled(seed: number, weight = 1): Voter {
  const run = (_: Float32Array, count: number, size: number): Float32Array => {
    const random = randomFor(seed, 'logits');
    return Float32Array.from({ length: count * size * size * CLASSES }, () => random.range(-2, 3));
  };
  return { predictor: { run, dispose: () => undefined }, inputSize: SIZE, imageSize: SIZE, sizeMultiple: 1, weight };
}

const masksOf = (networks: readonly Voter[], changes: Partial<MaskVote> = {}): Promise<RleMask[]> =>
  voteMasks({ method: 'soft', networks, viewing, cuts, ...changes }, image);

function expectSame(masks: readonly RleMask[], expected: readonly RleMask[]): void {
  expect(masks.map(({ bounds }) => [...bounds])).toEqual(expected.map(({ bounds }) => [...bounds]));
}

describe('voteMasks', () => {
  const voters = [speckled(1), speckled(2), speckled(3)];

  it('cleans each class after a soft vote as configured', async () => {
    const plain = await masksOf(voters, { cuts: uncleaned });
    const masks = await masksOf(voters);
    expectSame(
      masks,
      plain.map((mask, index) => cleaned(mask, cuts[index]?.cleaning ?? 'none')),
    );
    expect(plain.every((mask) => components(mask).length > 1)).toBe(true);
    expect(masks.map((mask, index) => equalMasks(mask, plain[index] as RleMask))).toEqual([true, false, false, false]);
  });

  it('cleans the masks of each network before a hard vote, in which a pixel needs more than half of the networks', async () => {
    const ballots = await Promise.all(voters.map((voter) => masksOf([voter])));
    const expected = cuts.map((_, index) =>
      majority(
        ballots.map((masks) => masks[index] as RleMask),
        2,
      ),
    );
    expectSame(await masksOf(voters, { method: 'hard' }), expected);
  });

  it('excludes pixels that only half of the networks have', async () => {
    const pair = voters.slice(0, 2);
    const ballots = await Promise.all(pair.map((voter) => masksOf([voter])));
    const expected = cuts.map((_, index) =>
      majority(
        ballots.map((masks) => masks[index] as RleMask),
        2,
      ),
    );
    expectSame(await masksOf(pair, { method: 'hard' }), expected);
  });

  it.each(['soft', 'hard'] as const)('counts each network by its weight in a %s vote', async (method) => {
    const others = [speckled(1, 2), speckled(2, 1)];
    const repeated = [speckled(1), speckled(1), speckled(2)];
    expectSame(await masksOf(others, { method }), await masksOf(repeated, { method }));
  });
});
