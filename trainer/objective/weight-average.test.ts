import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import { eagerEngine } from '../engine/eager-step.ts';
import { openTrainingEngine } from '../engine/open-engine.ts';
import { relativeDifference } from '../engine/ops/check-gradients.ts';
import { servedWeights } from '../engine/served-weights.ts';
import type { StepBatch } from '../engine/step.ts';
import { tf } from '../engine/tensorflow.ts';
import type { TrainingSettings } from '../engine/training-function.ts';
import { buildModel } from '../models/registry.ts';
import { writeWeights } from '../models/weights.ts';
import { createWeightAverage } from './weight-average.ts';

const SIZE = 16;
const CLASSES = 3;

function batchOf(index: number): StepBatch {
  const random = randomFor(7, 'batch', index);
  const images = Float32Array.from({ length: 2 * SIZE * SIZE }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * CLASSES }, (_, at) =>
    Math.round(255 * (images[Math.floor(at / CLASSES)] ?? 0)),
  );
  return { images, targets, count: 2, size: SIZE };
}

/** With every loss, so that each is recorded too. */
const LOSSES: TrainingSettings['losses'] = [
  { name: 'Dice', weight: 0.9 },
  { name: 'IoU', weight: 0.5, reduction: 'global' },
  { name: 'FocalTversky', weight: 0.4 },
  { name: 'Focal', weight: 0.5 },
  { name: 'BCE', weight: 0.1 },
  { name: 'Lovasz', weight: 0.2 },
];

function settings(more: Partial<TrainingSettings> = {}): TrainingSettings {
  const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 2 }, classes: CLASSES, seed: 3 });
  return { model, losses: LOSSES, optimizer: { name: 'SGD', weightDecay: 0 }, average: { decay: 0.6 }, ...more };
}

describe('an average of weights', () => {
  it('takes in much at first and 1 − decay later on', () => {
    tf.tidy(() => {
      const variable = tf.variable(tf.tensor1d([1, -1]));
      const average = createWeightAverage([{ name: 'w', variable }], { decay: 0.75 });
      let expected = [1, -1];
      for (let move = 0; move < 60; move++) {
        const now = [move % 7, -move];
        variable.assign(tf.tensor1d(now));
        average.update();
        const share = Math.max(9 / (10 + move), 0.25);
        expected = expected.map((value, index) => value + share * ((now[index] as number) - value));
      }
      expect(
        relativeDifference(
          average.lent(() => variable.dataSync()),
          expected,
        ),
      ).toBeLessThan(1e-6);
      expect([...variable.dataSync()]).toEqual([3, -59]);
      average.dispose();
    });
  });

  it('puts the weights back where the work fails', () => {
    const variable = tf.variable(tf.tensor1d([1]));
    const average = createWeightAverage([{ name: 'w', variable }], { decay: 0.75 });
    tf.tidy(() => variable.assign(tf.tensor1d([2])));
    const before = tf.memory().numTensors;
    const fails = (): never => {
      throw new Error('no');
    };
    expect(() => average.lent(fails)).toThrow('no');
    expect(variable.dataSync()[0]).toBe(2);
    expect(tf.memory().numTensors).toBe(before);
    average.dispose();
    variable.dispose();
  });

  it('is the same in the recorded step, with batch normalisation and all losses, and is what validates', () => {
    const outcomes = [eagerEngine, (given: TrainingSettings) => openTrainingEngine(given, () => undefined)].map((open) => {
      const given = settings();
      const engine = open(given);
      const losses = [0, 1, 2, 3].map((index) => engine.step.run(batchOf(index), 0.02));
      const state = engine.step.readState();
      const validated = engine.evaluator.run(batchOf(9));
      engine.dispose();
      given.model.dispose();
      const plain = settings({ average: { decay: 0 } });
      writeWeights(plain.model, servedWeights(state));
      const alone = eagerEngine(plain);
      expect(relativeDifference(validated.logits, alone.evaluator.run(batchOf(9)).logits)).toBeLessThan(1e-4);
      alone.dispose();
      plain.model.dispose();
      return { losses, state };
    });
    const [eager, graph] = outcomes as [(typeof outcomes)[0], (typeof outcomes)[0]];
    expect(relativeDifference(graph.losses, eager.losses)).toBeLessThan(1e-5);
    expect([...graph.state.keys()].sort()).toEqual([...eager.state.keys()].sort());
    const averages = [...eager.state].filter(([name]) => name.startsWith('optimizer/average/'));
    expect(averages).toHaveLength([...eager.state.keys()].filter((name) => name.startsWith('model/')).length);
    for (const [name, { data }] of averages) {
      // A bias before batch normalisation has no gradient but rounding.
      const wrong = Math.max(...data.map((value, index) => Math.abs(value - (graph.state.get(name)?.data[index] ?? Number.NaN))));
      expect(wrong, name).toBeLessThan(1e-4);
    }
    for (const [name, { data }] of servedWeights(eager.state))
      expect(data, name).toBe(eager.state.get(`optimizer/average/${name.slice(6)}`)?.data);
  });
});

describe('weights of heads', () => {
  const heads = (headWeights?: readonly number[]): TrainingSettings => ({
    ...settings({ average: { decay: 0 } }),
    model: buildModel({ name: 'NestedUNet', options: { width: 2, deepSupervision: true }, classes: CLASSES, seed: 1 }),
    headWeights,
  });
  const lossOfFirstStep = (headWeights?: readonly number[]): number => {
    const given = heads(headWeights);
    const engine = eagerEngine(given);
    const loss = engine.step.run(batchOf(0), 0);
    engine.dispose();
    given.model.dispose();
    return loss;
  };

  it('make the mean of the heads a weighted one', () => {
    const tiny = 1e-9;
    const alone = [0, 1, 2, 3].map((head) => lossOfFirstStep([tiny, tiny, tiny, tiny].with(head, 1)));
    const weights = [4, 3, 2, 1];
    const expected = alone.reduce((sum, loss, head) => sum + loss * (weights[head] as number), 0) / 10;
    expect(lossOfFirstStep(weights)).toBeCloseTo(expected, 5);
    expect(lossOfFirstStep([5, 5, 5, 5])).toBeCloseTo(lossOfFirstStep(), 5);
  });

  it('that are too few end a training before its first step', () => {
    const given = heads([1, 1]);
    const says = expect.objectContaining({ code: 'manifest-invalid', message: expect.stringContaining('2 weights for 4 heads') });
    expect(() => openTrainingEngine(given, () => undefined)).toThrow(says);
    given.model.dispose();
  });
});
