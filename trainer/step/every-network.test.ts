import { randomFor } from '@carpal/masks/random.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { MODELS } from '../models/registry.ts';
import type { StepBatch, TrainingStep } from './step.ts';
import { noiseBatch } from './testing/batches.ts';
import { createEagerStep } from './testing/eager-step.ts';
import { buildSmall, SMALL_NETWORKS } from './testing/small-networks.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep } from './training-step.ts';

const CLASSES = 5;

/** The losses and the final state of a step on some batches. */
function train(
  create: (settings: TrainingSettings) => TrainingStep,
  settings: TrainingSettings,
  batches: readonly StepBatch[],
  from?: NamedArrays,
): { losses: number[]; state: NamedArrays } {
  const step = create(settings);
  if (from) step.writeState(from);
  const losses = batches.map((batch) => step.run(batch, 1e-3));
  const state = step.readState();
  step.dispose();
  settings.model.dispose();
  return { losses, state };
}

const norm = (values: Iterable<number>): number => Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));

/**
 * The largest relative difference ‖a − b‖ / ‖a‖ over the arrays of two states whose names begin with `part`; NaN if one holds a NaN. Skips
 * values whose gradient is only rounding error (for example the gradient of a bias before batch normalisation): AdamW makes a full step by
 * the sign of that error.
 */
function largestDifference(a: NamedArrays, b: NamedArrays, part: string): number {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  const gradientOf = (name: string) => a.get(`optimizer/mean/${name.replace(/^model\/|^optimizer\/(mean|square|gradient)\//, '')}`)?.data;
  const strongest = Math.max(
    ...[...a].filter(([name]) => name.startsWith('optimizer/mean/')).map(([, { data }]) => norm(data) / Math.sqrt(data.length)),
  );
  let most = 0;
  for (const [name, { data }] of a) {
    if (!name.startsWith(part)) continue;
    const other = b.get(name)?.data ?? new Float32Array();
    const gradients = gradientOf(name);
    const counts = (index: number): boolean => gradients === undefined || Math.abs(gradients[index] ?? 0) > strongest * 1e-4;
    const indices = [...data.keys()].filter(counts);
    const difference = norm(indices.map((index) => (data[index] ?? 0) - (other[index] ?? Number.NaN)));
    // The mean of values that were normalised just before is zero except for rounding.
    const least = name.endsWith('/movingMean') ? 1e-3 * Math.sqrt(data.length) : 0;
    if (difference !== 0) most = Math.max(most, difference / Math.max(least, norm(indices.map((index) => data[index] ?? 0))));
  }
  return most;
}

/** ‖a − b‖ / ‖a‖ of the whole gradient as one vector. AdamW's mean after the first step is a tenth of it. */
function gradientDifference(a: NamedArrays, b: NamedArrays): number {
  const means = [...a].filter(([name]) => name.startsWith('optimizer/mean/'));
  expect(means.length).toBeGreaterThan(0);
  const differences = means.map(([name, { data }]) => norm(data.map((value, index) => value - (b.get(name)?.data[index] ?? Number.NaN))));
  return norm(differences) / norm(means.map(([, { data }]) => norm(data)));
}

/** Images per batch. RAPUNet's activation squares its input, and so the input's rounding errors. These average out over more images. */
const IMAGES: Readonly<Record<string, number>> = { RAPUNet: 8 };

/** The images with about half of their values changed by the last bit. The effect on a step shows how accurate a float32 result can be. */
function nudged(batch: StepBatch, seed: number): StepBatch {
  const random = randomFor(seed, 'last bits');
  return { ...batch, images: batch.images.map((value) => value * (random.next() < 0.5 ? 1 : 1 + 2 ** -23)) };
}

/** One sample of the rounding error can be small by chance. */
const NUDGES = [1, 2, 3, 4] as const;

it('the table of small networks has every network of the registry', () => {
  expect(new Set(SMALL_NETWORKS.map(([name]) => name))).toEqual(new Set(MODELS.map(({ name }) => name)));
});

describe.each(SMALL_NETWORKS)('the recorded step of %s with %o', (name, options) => {
  const settings = (seed = 3): TrainingSettings => ({
    model: buildSmall(name, { options, classes: CLASSES, seed }),
    losses: [
      { name: 'Dice', weight: 0.9 },
      { name: 'BCE', weight: 0.1 },
    ],
    optimizer: { name: 'AdamW', weightDecay: 1e-2 },
    seed: 5,
  });
  let batches: readonly [StepBatch, StepBatch];
  let first: NamedArrays;
  let losses: number[];
  let second: NamedArrays;

  beforeAll(() => {
    const given = settings();
    // The normalisation at the deepest level needs more than one pixel per image.
    const size = Math.max(32, 2 * given.model.sizeMultiple);
    const batchOf = (index: number): StepBatch => noiseBatch(index, { classes: CLASSES, size, count: IMAGES[name] ?? 2 });
    batches = [batchOf(1), batchOf(2)];
    const step = createTrainingStep(given);
    losses = [step.run(batches[0], 1e-3)];
    first = step.readState();
    losses.push(step.run(batches[1], 1e-3));
    second = step.readState();
    step.dispose();
    given.model.dispose();
  }, 240_000);

  it('has the gradient of the eager step within 1e-5, and its weights, averages and slots as exactly as float32 allows', () => {
    const eager = train(createEagerStep, settings(), batches.slice(0, 1));
    expect(losses[0]).toBeCloseTo(eager.losses[0] ?? Number.NaN, 5);
    expect(gradientDifference(eager.state, first)).toBeLessThan(1e-5);
    // The gradient of some arrays is a small sum of large terms, and AdamW's first step is as large for a small gradient as for a large one.
    for (const [prefix, most] of [
      ['model/', 1e-4],
      ['optimizer/', 1e-2],
    ] as const) {
      const difference = largestDifference(eager.state, first, prefix);
      if (difference < 1e-5) continue;
      const nudgedStates = NUDGES.map((seed) => train(createEagerStep, settings(), [nudged(batches[0], seed)]).state);
      expect(difference).toBeLessThan(3 * Math.max(...nudgedStates.map((state) => largestDifference(eager.state, state, prefix))));
      expect(difference).toBeLessThan(most);
    }
  });

  it('continues with the same bits from a saved state in a network with other initial weights', () => {
    const resumed = train(createTrainingStep, settings(4), batches.slice(1), first);
    expect(resumed.losses).toEqual(losses.slice(1));
    expect(second).not.toEqual(first);
    expect(resumed.state).toEqual(second);
  });
});
