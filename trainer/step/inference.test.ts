import { afterEach, expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { createEvaluator, createPredictor } from './inference.ts';
import { noiseBatch } from './testing/batches.ts';

const FORM = { classes: 3, size: 16 };

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

it('the logits of an image do not depend on the rest of its batch, and an evaluator returns the same logits with a loss', () => {
  const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 3 }, classes: FORM.classes, seed: 1 });
  const predictor = createPredictor(model);
  const weights = () => ({ version: 1, arrays: () => readWeights(model) });
  const evaluator = createEvaluator(model, [{ name: 'BCE', weight: 1 }], weights);
  open.push(predictor.dispose, evaluator.dispose, model.dispose);
  const batch = noiseBatch(0, FORM);
  const both = predictor.run(batch.images, 2, FORM.size);
  const first = predictor.run(batch.images.slice(0, FORM.size ** 2), 1, FORM.size);
  for (const [index, logit] of first.entries()) expect(logit).toBeCloseTo(both[index] as number, 4);
  const { loss, logits } = evaluator.run(batch);
  expect(logits).toEqual(both);
  expect(loss).toBeGreaterThan(0);
  const before = tf.memory().numTensors;
  evaluator.run(batch);
  expect(tf.memory().numTensors).toBe(before);
});
