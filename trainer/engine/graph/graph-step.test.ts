import { randomFor } from '@carpal/masks/random.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { MODELS } from '../../models/registry.ts';
import { createEagerStep, eagerEngine } from '../eager-step.ts';
import type { NamedArrays } from '../named-arrays.ts';
import { openTrainingEngine } from '../open-engine.ts';
import type { StepBatch, TrainingStep } from '../step.ts';
import { tf } from '../tensorflow.ts';
import type { TrainingSettings } from '../training-function.ts';
import { createGraphStep } from './graph-step.ts';
import { nativeBackend } from './native-binding.ts';
import { buildSmall, SMALL_NETWORKS } from './testing/small-networks.ts';

const CLASSES = 5;
const LOSSES = [
  { name: 'Dice', weight: 0.9 },
  { name: 'BCE', weight: 0.1 },
] as const;

function batchOf(index: number, size = 32, count = 2): StepBatch {
  const random = randomFor(7, 'batch', index);
  const images = Float32Array.from({ length: count * size * size }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * CLASSES }, (_, at) =>
    (images[Math.floor(at / CLASSES)] ?? 0) > (at % CLASSES) / CLASSES ? 255 : 0,
  );
  return { images, targets, count, size };
}

function settingsOf(name: string, options = {}, more: Partial<TrainingSettings> = {}, seed = 3): TrainingSettings {
  const model = buildSmall(name, { options, classes: CLASSES, seed });
  return { model, losses: LOSSES, optimizer: { name: 'AdamW', weightDecay: 1e-2 }, ...more };
}

/** What a step makes of some batches: its losses and its state. */
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
 * The largest relative difference ‖a − b‖ / ‖a‖ over the arrays of two states whose names begin with `part`; NaN where one holds a NaN.
 * Where a gradient is nothing but rounding (a bias before batch normalisation has none), AdamW still makes a whole step of its sign: such
 * values are left out.
 */
function largestDifference(a: NamedArrays, b: NamedArrays, part = ''): number {
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
    // The mean of what was normalised just before is zero but for rounding.
    const least = name.endsWith('/movingMean') ? 1e-3 * Math.sqrt(data.length) : 0;
    if (difference !== 0) most = Math.max(most, difference / Math.max(least, norm(indices.map((index) => data[index] ?? 0))));
  }
  return most;
}

/** ‖a − b‖ / ‖a‖ of the whole gradient, which AdamW's first mean is a tenth of: all arrays as one vector. */
function gradientDifference(a: NamedArrays, b: NamedArrays): number {
  const means = [...a].filter(([name]) => name.startsWith('optimizer/mean/'));
  expect(means.length).toBeGreaterThan(0);
  const differences = means.map(([name, { data }]) => norm(data.map((value, index) => value - (b.get(name)?.data[index] ?? Number.NaN))));
  return norm(differences) / norm(means.map(([, { data }]) => norm(data)));
}

/** Images of a batch; two, but for a network whose activation squares, and with it the rounding of what it is given: over more it evens out. */
const IMAGES: Readonly<Record<string, number>> = { RAPUNet: 8 };

/** The images changed by no more than their last bit: what a step makes of that is how well it can be known in float32 at all. */
const nudged = (batch: StepBatch): StepBatch => ({ ...batch, images: batch.images.map((value) => value * (1 + 2 ** -23)) });

it('compares every network of the registry', () => {
  expect(new Set(SMALL_NETWORKS.map(([name]) => name))).toEqual(new Set(MODELS.map(({ name }) => name)));
});

describe.each(SMALL_NETWORKS)('the recorded step of %s with %o', (name, options) => {
  const settings = (seed?: number) => settingsOf(name, options, { seed: 5 }, seed);
  let batches: readonly [StepBatch, StepBatch];
  let first: NamedArrays;
  let losses: number[];
  let second: NamedArrays;

  beforeAll(() => {
    const given = settings();
    // Normalisation of the bottom needs more than a pixel of each image.
    const size = Math.max(32, 2 * given.model.sizeMultiple);
    batches = [1, 2].map((index) => batchOf(index, size, IMAGES[name] ?? 2)) as [StepBatch, StepBatch];
    const step = createGraphStep(given);
    losses = [step.run(batches[0], 1e-3)];
    first = step.readState();
    losses.push(step.run(batches[1], 1e-3));
    second = step.readState();
    step.dispose();
    given.model.dispose();
  }, 240_000);

  it('gives the gradient, the weights and the averages of the eager step within 1e-5, and its slots as far as float32 knows them', () => {
    const eager = train(createEagerStep, settings(), batches.slice(0, 1));
    expect(losses[0]).toBeCloseTo(eager.losses[0] ?? Number.NaN, 5);
    expect(gradientDifference(eager.state, first)).toBeLessThan(1e-5);
    expect(largestDifference(eager.state, first, 'model/')).toBeLessThan(1e-5);
    const slots = largestDifference(eager.state, first, 'optimizer/');
    if (slots < 1e-5) return;
    // Of some arrays the gradient is a small sum of large terms.
    const rounding = train(createEagerStep, settings(), [nudged(batches[0])]);
    expect(slots).toBeLessThan(3 * largestDifference(eager.state, rounding.state, 'optimizer/'));
    expect(slots).toBeLessThan(1e-2);
  });

  it('goes on from its state, in a network of other first weights, in the same bits', () => {
    const resumed = train(createGraphStep, settings(4), batches.slice(1), first);
    expect(resumed.losses).toEqual(losses.slice(1));
    expect(second).not.toEqual(first);
    expect(resumed.state).toEqual(second);
  });
});

describe('the recorded step', () => {
  const small = { width: 4, depth: 3 };

  it('saved after five steps and loaded again ends after five more in the bits of ten uninterrupted ones', () => {
    const batches = Array.from({ length: 10 }, (_, index) => batchOf(index));
    const whole = train(createGraphStep, settingsOf('SlimUNet', small), batches);
    const half = train(createGraphStep, settingsOf('SlimUNet', small), batches.slice(0, 5));
    const resumed = train(createGraphStep, settingsOf('SlimUNet', small), batches.slice(5), half.state);
    expect([...half.losses, ...resumed.losses]).toEqual(whole.losses);
    expect(resumed.state).toEqual(whole.state);
  });

  it.each([
    ['eager', createEagerStep],
    ['recorded', createGraphStep],
  ] as const)('drops the same values after a resume, %s', (_, create) => {
    const batches = [0, 0, 0, 0].map((index) => batchOf(index));
    const settings = () => settingsOf('CustomUNet', { width: 4 }, { seed: 5 });
    const whole = train(create, settings(), batches);
    const half = train(create, settings(), batches.slice(0, 2));
    const resumed = train(create, settings(), batches.slice(2), half.state);
    expect([...half.losses, ...resumed.losses]).toEqual(whole.losses);
    expect(resumed.state).toEqual(whole.state);
  });

  it('drops other values in every step and for every seed', () => {
    // Without a learning rate nothing but dropout tells one step on a batch from the next.
    const first = (seed: number) => {
      const settings = settingsOf('CustomUNet', { width: 4 }, { seed });
      const step = createGraphStep(settings);
      const losses = [0, 1].map(() => step.run(batchOf(1), 0));
      step.dispose();
      settings.model.dispose();
      return losses;
    };
    const losses = [...first(1), ...first(2)];
    expect(new Set(losses).size).toBe(4);
  });

  it('follows its state through batches of other shapes, as a ragged last batch', () => {
    const batches = [batchOf(0), batchOf(1, 32, 1), batchOf(2), batchOf(3, 16)];
    const eager = train(createEagerStep, settingsOf('SlimUNet', small), batches);
    const graph = train(createGraphStep, settingsOf('SlimUNet', small), batches);
    for (const [index, loss] of graph.losses.entries()) expect(loss).toBeCloseTo(eager.losses[index] ?? Number.NaN, 4);
  });

  it('meets shapes in another order after a resume, and ends in the same bits', () => {
    const batches = [batchOf(0), batchOf(1, 32, 1), batchOf(2), batchOf(3, 32, 1)];
    const whole = train(createGraphStep, settingsOf('SlimUNet', small), batches);
    const half = train(createGraphStep, settingsOf('SlimUNet', small), batches.slice(0, 1));
    const resumed = train(createGraphStep, settingsOf('SlimUNet', small), batches.slice(1), half.state);
    expect([...half.losses, ...resumed.losses]).toEqual(whole.losses);
    expect(resumed.state).toEqual(whole.state);
  });

  it('holds one session, and so one state, whatever shapes come', () => {
    const sessions = (): number => nativeBackend().binding.getNumOfSavedModels();
    const before = sessions();
    const settings = settingsOf('SlimUNet', small);
    const step = createGraphStep(settings);
    for (const batch of [batchOf(0), batchOf(1, 32, 1), batchOf(2), batchOf(3, 16)]) {
      step.run(batch, 1e-3);
      expect(sessions()).toBe(before + 1);
    }
    step.dispose();
    expect(sessions()).toBe(before);
    settings.model.dispose();
  });

  it('accumulates gradients and clips them like the eager step', () => {
    const more = { accumulate: 2, gradientClip: 0.1 };
    const batches = [batchOf(0), batchOf(1)];
    const eager = train(createEagerStep, settingsOf('SlimUNet', small, more), batches);
    const graph = train(createGraphStep, settingsOf('SlimUNet', small, more), batches);
    expect(largestDifference(eager.state, graph.state)).toBeLessThan(1e-4);
  });

  it('holds no tensor more after thirty steps than after three', () => {
    const settings = settingsOf('SlimUNet', small);
    const step = createGraphStep(settings);
    for (let index = 0; index < 3; index++) step.run(batchOf(index), 1e-3);
    const before = tf.memory().numTensors;
    for (let index = 0; index < 30; index++) step.run(batchOf(index), 1e-3);
    expect(tf.memory().numTensors).toBe(before);
    step.dispose();
    settings.model.dispose();
  });
});

describe('an engine', () => {
  /** A model whose forward pass draws numbers in JavaScript: recorded once, it would draw the same ones for ever. */
  function drawing(): TrainingSettings {
    const settings = settingsOf('SlimUNet', { width: 4, depth: 3 });
    const random = randomFor(1, 'noise');
    const { forward } = settings.model;
    const model = {
      ...settings.model,
      forward: (...args: Parameters<typeof forward>) => forward(...args).map((logits) => tf.mul(logits, 1 + random.next())),
    };
    return { ...settings, model: model as TrainingSettings['model'] };
  }

  it('refuses to record a step that draws random numbers in JavaScript, and says what changed', () => {
    const settings = drawing();
    expect(() => openTrainingEngine(settings, () => undefined)).toThrow(/made in JavaScript that changes between steps/);
    settings.model.dispose();
  });

  it('validates with the newest weights of the step, as the eager engine does', () => {
    const outcomes = [eagerEngine, (given: TrainingSettings) => openTrainingEngine(given, () => undefined)].map((open) => {
      const settings = settingsOf('SlimUNet', { width: 4, depth: 3 });
      const engine = open(settings);
      const before = engine.evaluator.run(batchOf(9)).loss;
      engine.step.run(batchOf(1), 1e-2);
      const after = engine.evaluator.run(batchOf(9)).loss;
      engine.dispose();
      settings.model.dispose();
      return [before, after];
    });
    const [eager = [], graph = []] = outcomes;
    expect(graph[0]).not.toBe(graph[1]);
    expect(graph[0]).toBeCloseTo(eager[0] ?? Number.NaN, 5);
    expect(graph[1]).toBeCloseTo(eager[1] ?? Number.NaN, 4);
  });
});
