import { randomFor } from '@carpal/masks/random.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { hasGpu } from '../engine/graph/native-binding.ts';
import { tf } from '../engine/tensorflow.ts';
import { relativeDifference } from '../engine/testing/check-gradients.ts';
import { buildModel } from '../models/registry.ts';
import { writeWeights } from '../models/weights.ts';
import { evalWeights } from '../objective/weight-average.ts';
import { createPredictor } from './inference.ts';
import { noiseBatch } from './testing/batches.ts';
import { openEagerEngine } from './testing/eager-step.ts';
import { openTrainingEngine } from './training-engine.ts';
import type { TrainingSettings } from './training-function.ts';

const CLASSES = 3;
const batchOf = (index: number, count = 2) => noiseBatch(index, { classes: CLASSES, size: 16, count });

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

function settingsOf(more: Partial<TrainingSettings> = {}): TrainingSettings {
  const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 2 }, classes: CLASSES, seed: 3 });
  open.push(() => model.dispose());
  return { model, losses: [{ name: 'BCE', weight: 1 }], optimizer: { name: 'AdamW', weightDecay: 0 }, ...more };
}

function opened<Engine extends { dispose(): void }>(engine: Engine): Engine {
  open.unshift(() => engine.dispose());
  return engine;
}

const quiet = (): void => undefined;

describe('openTrainingEngine', () => {
  it.each([
    ['warns of bfloat16 on a processor that emulates it', { hasGpu: false, flags: new Set(['avx2']) }, 1],
    ['does not warn on a processor with bfloat16 instructions', { hasGpu: false, flags: new Set(['avx512_bf16']) }, 0],
    ['does not warn on a GPU', { hasGpu: true, flags: new Set(['avx2']) }, 0],
  ])('%s', (_, processor, count) => {
    const warnings: string[] = [];
    const warn = (line: string): void => void warnings.push(line);
    opened(openTrainingEngine(settingsOf({ precision: 'bfloat16' }), warn, () => processor));
    expect(warnings).toEqual(Array.from({ length: count }, () => expect.stringContaining('bfloat16 is emulated')));
  });

  it.skipIf(hasGpu())('warns that float16 without a GPU is computed in float32', () => {
    const warnings: string[] = [];
    opened(openTrainingEngine(settingsOf({ precision: 'float16' }), (line) => warnings.push(line)));
    expect(warnings).toEqual(['float16 needs a GPU; this machine computes in float32']);
  });

  it('refuses a step that draws random numbers in JavaScript, and names the operation', () => {
    // A recording would use the same numbers in every step.
    const settings = settingsOf();
    const random = randomFor(1, 'noise');
    const { forward } = settings.model;
    const model = {
      ...settings.model,
      forward: (...given: Parameters<typeof forward>) => forward(...given).map((logits) => tf.mul(logits, 1 + random.next())),
    } as TrainingSettings['model'];
    expect(() => openTrainingEngine({ ...settings, model }, quiet)).toThrow(
      expect.objectContaining({
        code: 'not-recordable',
        message: expect.stringMatching(/operation \d+ \(Mul\) is a value made in JavaScript that changes between steps/),
      }),
    );
  });
});

describe('an engine', () => {
  it('validates with the newest weights of the step, like the eager engine', () => {
    const outcomes = [openEagerEngine, (given: TrainingSettings) => openTrainingEngine(given, quiet)].map((openEngine) => {
      const engine = opened<ReturnType<typeof openEagerEngine>>(openEngine(settingsOf()));
      const before = engine.evaluator.run(batchOf(9)).loss;
      engine.step.run(batchOf(1), 1e-2);
      return [before, engine.evaluator.run(batchOf(9)).loss];
    });
    const [eager = [], graph = []] = outcomes;
    expect(graph[0]).not.toBe(graph[1]);
    expect(graph[0]).toBeCloseTo(eager[0] ?? Number.NaN, 5);
    expect(graph[1]).toBeCloseTo(eager[1] ?? Number.NaN, 4);
  });

  it('reads its state once for a validation and its checkpoint, and again after a step or after a state was restored', () => {
    const { step, evaluator } = opened(openTrainingEngine(settingsOf(), quiet));
    step.run(batchOf(0), 0.1);
    const first = step.readState();
    const losses = [evaluator.run(batchOf(0)).loss, evaluator.run(batchOf(0, 1)).loss];
    expect(step.readState()).toBe(first);
    step.run(batchOf(0), 0.1);
    expect(evaluator.run(batchOf(0)).loss).not.toBe(losses[0]);
    const second = step.readState();
    expect(second).not.toBe(first);
    expect([...second.values()].map(({ data }) => data)).not.toEqual([...first.values()].map(({ data }) => data));
    step.writeState(first);
    expect([evaluator.run(batchOf(0)).loss, evaluator.run(batchOf(0, 1)).loss]).toEqual(losses);
    expect(step.readState()).not.toBe(second);
    expect(step.readState()).toEqual(first);
  });

  it('keeps a weight average like the eager engine, with batch normalisation and all losses, and validates with it', () => {
    const given = (): TrainingSettings =>
      settingsOf({
        losses: [
          { name: 'Dice', weight: 0.9 },
          { name: 'IoU', weight: 0.5, reduction: 'global' },
          { name: 'FocalTversky', weight: 0.4 },
          { name: 'Focal', weight: 0.5 },
          { name: 'BCE', weight: 0.1 },
          { name: 'Lovasz', weight: 0.2 },
        ],
        optimizer: { name: 'SGD', weightDecay: 0 },
        average: { decay: 0.6 },
      });
    const [eager, graph] = [openEagerEngine(given()), openTrainingEngine(given(), quiet)].map((engine) => {
      opened<ReturnType<typeof openEagerEngine>>(engine);
      const losses = [0, 1, 2, 3].map((index) => engine.step.run(batchOf(index), 0.02));
      return { losses, state: engine.step.readState(), validated: engine.evaluator.run(batchOf(9)).logits };
    }) as [Outcome, Outcome];
    expect(relativeDifference(graph.losses, eager.losses)).toBeLessThan(1e-5);
    expect([...graph.state.keys()].sort()).toEqual([...eager.state.keys()].sort());
    const averages = [...eager.state].filter(([name]) => name.startsWith('optimizer/average/'));
    expect(averages).toHaveLength([...eager.state.keys()].filter((name) => name.startsWith('model/')).length);
    for (const [name, { data }] of averages) {
      // The gradient of a bias before batch normalisation is only rounding error.
      const wrong = Math.max(...data.map((value, index) => Math.abs(value - (graph.state.get(name)?.data[index] ?? Number.NaN))));
      expect(wrong, name).toBeLessThan(1e-4);
    }
    for (const [name, { data }] of evalWeights(eager.state))
      expect(data, name).toBe(eager.state.get(`optimizer/average/${name.slice(6)}`)?.data);

    const { model } = settingsOf();
    writeWeights(model, evalWeights(graph.state));
    const predictor = opened(createPredictor(model));
    const { images, count, size } = batchOf(9);
    expect(relativeDifference(graph.validated, predictor.run(images, count, size))).toBeLessThan(1e-4);
    expect(relativeDifference(graph.validated, eager.validated)).toBeLessThan(1e-3);
  });
});

type Outcome = {
  readonly losses: number[];
  readonly state: ReturnType<ReturnType<typeof openEagerEngine>['step']['readState']>;
  readonly validated: Float32Array;
};
