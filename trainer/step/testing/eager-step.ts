/**
 * The test oracle: a training step and a validation that tfjs runs kernel by kernel, without a recording. A graph runs Adam, SGD and the
 * moving average in TensorFlow's own kernels; here they are computed from their definitions in double precision.
 */
import { byteTensor } from '../../engine/kernels.ts';
import { type Scalar, type Tensor, type Tensor4D, tf, type Variable } from '../../engine/tensorflow.ts';
import { type NamedVariable, readVariables, restoringVariables, writeVariables } from '../../engine/variables.ts';
import type { Model } from '../../models/model.ts';
import { savedVariables, writeWeights } from '../../models/weights.ts';
import type { OptimizerSettings } from '../../objective/create-optimizer.ts';
import type { LearningRates } from '../../objective/learning-rates.ts';
import { lossValueOf } from '../../objective/losses.ts';
import { decays } from '../../objective/optimizer.ts';
import { evalWeights } from '../../objective/weight-average.ts';
import { checkSize, targetsOf } from '../batch.ts';
import { GradientAccumulation } from '../gradient-accumulation.ts';
import type { Evaluator, StepBatch, TrainingStep } from '../step.ts';
import { StepSeed } from '../step-seed.ts';
import { createTrainingFunction, type TrainingFunction, type TrainingSettings } from '../training-function.ts';

/** A batch as tensors over the caller's memory; coverage stays bytes. */
function batchTensors(model: Model, { images, targets, count, size }: StepBatch): { images: Tensor4D; coverage: Tensor } {
  checkSize(model, size);
  return {
    images: tf.tensor4d(images, [count, size, size, 1], 'float32'),
    coverage: byteTensor(targets, [count, size, size, model.classes]),
  };
}

/**
 * Changes several variables together, value by value. `change` gets their current values at an index, and the index, and returns the new
 * values.
 */
function changeValues(variables: readonly Variable[], change: (present: readonly number[], index: number) => readonly number[]): void {
  const arrays = variables.map((variable) => (variable.dataSync() as Float32Array).slice());
  for (const index of (arrays[0] as Float32Array).keys()) {
    const next = change(
      arrays.map((array) => array[index] as number),
      index,
    );
    for (const [position, array] of arrays.entries()) array[index] = next[position] as number;
  }
  for (const [position, variable] of variables.entries()) {
    tf.tidy(() => variable.assign(tf.tensor(arrays[position] as Float32Array, variable.shape, 'float32')));
  }
}

type Find = (name: string) => Variable;

/** One update of Adam or AdamW. */
function moveAdam(
  trainable: readonly NamedVariable[],
  gradients: readonly Tensor[],
  rates: readonly number[],
  settings: OptimizerSettings,
  find: Find,
) {
  const { options = {} } = settings;
  // Rounded like the kernel's inputs: after 0.999 is rounded, the relative error of 1 − β₂ is 1.3e-5.
  const [beta1, beta2] = [Math.fround(options.beta1 ?? 0.9), Math.fround(options.beta2 ?? 0.999)];
  changeValues([find('optimizer/beta1Power'), find('optimizer/beta2Power')], ([power1 = 0, power2 = 0]) => [
    power1 * beta1,
    power2 * beta2,
  ]);
  const [power1, power2] = ['optimizer/beta1Power', 'optimizer/beta2Power'].map((name) => find(name).dataSync()[0] as number) as [
    number,
    number,
  ];
  for (const [position, { name, variable }] of trainable.entries()) {
    const gradient = (gradients[position] as Tensor).dataSync();
    const rate = rates[position] as number;
    const decay = decays(variable.shape) ? settings.weightDecay : 0;
    const [shrink, penalty] = settings.name === 'AdamW' ? [1 - rate * decay, 0] : [1, decay];
    changeValues([variable, find(`optimizer/mean/${name}`), find(`optimizer/square/${name}`)], ([p = 0, m = 0, v = 0], index) => {
      const g = (gradient[index] as number) + penalty * p;
      const [mean, square] = [beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g];
      return [p * shrink - (rate * mean) / (1 - power1) / (Math.sqrt(square / (1 - power2)) + 1e-8), mean, square];
    });
  }
}

/** One update of SGD. */
function moveSgd(
  trainable: readonly NamedVariable[],
  gradients: readonly Tensor[],
  rates: readonly number[],
  settings: OptimizerSettings,
  find: Find,
) {
  const { momentum = 0.9, nesterov = true } = settings.options ?? {};
  for (const [position, { name, variable }] of trainable.entries()) {
    const gradient = (gradients[position] as Tensor).dataSync();
    const rate = rates[position] as number;
    const decay = decays(variable.shape) ? settings.weightDecay : 0;
    const slots = momentum > 0 ? [find(`optimizer/momentum/${name}`)] : [];
    changeValues([variable, ...slots], ([p = 0, a = 0], index) => {
      const g = (gradient[index] as number) + decay * p;
      const gathered = momentum * a + g;
      return [p - rate * (nesterov ? g + momentum * gathered : gathered), gathered];
    });
  }
}

function moveAverage(model: Model, decay: number, find: Find): void {
  const moves = find('optimizer/averageMoves').dataSync()[0] as number;
  const share = Math.max(9 / (10 + moves), 1 - decay);
  for (const { name, variable } of model.variables) {
    const weights = variable.dataSync();
    changeValues([find(`optimizer/average/${name}`)], ([a = 0], index) => [a - share * (a - (weights[index] as number))]);
  }
  changeValues([find('optimizer/averageMoves')], () => [moves + 1]);
}

function move(
  { model, optimizer: settings, average }: TrainingSettings,
  training: TrainingFunction,
  gradients: readonly Tensor[],
  rates: LearningRates<Scalar>,
) {
  const { optimizer, trainable } = training;
  const byName = new Map(training.state.map(({ name, variable }) => [name, variable]));
  const find = (name: string): Variable => byName.get(name) as Variable;
  if (optimizer.kind === 'recorded') optimizer.update(gradients, rates);
  else {
    const [learningRate = 0, factored = 0] = [rates.learningRate, rates.factored ?? rates.learningRate].map((rate) => rate.dataSync()[0]);
    const own = trainable.map(({ name }) => {
      const factor = settings.rateFactors?.get(name);
      return factor === undefined ? learningRate : factored * factor;
    });
    (settings.name === 'SGD' ? moveSgd : moveAdam)(trainable, gradients, own, settings, find);
  }
  if (average && training.average) moveAverage(model, average.decay, find);
}

/** A float32 training step that runs eagerly. Ignores the precision of the settings. */
export function createEagerStep(settings: TrainingSettings): TrainingStep {
  const { model, accumulate = 1 } = settings;
  const training = createTrainingFunction(settings);
  const accumulation = new GradientAccumulation(accumulate);
  const seed = new StepSeed(settings.seed ?? 0, model.draws);
  return {
    run: (batch, learningRate, factoredRate = learningRate) => {
      const { moves } = accumulation;
      const loss = tf.tidy(() => {
        const rates = { learningRate: tf.scalar(learningRate), factoredRate: tf.scalar(factoredRate) };
        const inputs = { ...batchTensors(model, batch), ...rates, seed: tf.tensor1d(seed.values, 'int32') };
        return training.step(inputs, moves, (gradients, given) => move(settings, training, gradients, given));
      });
      accumulation.advance();
      seed.advance();
      const [value] = loss.dataSync();
      loss.dispose();
      return value as number;
    },
    readState: () => {
      const state = readVariables(training.state);
      accumulation.save(state);
      seed.save(state);
      return state;
    },
    writeState: (state) => {
      const saved = [accumulation.read(state), seed.read(state)];
      writeVariables(training.state, state);
      for (const { accept } of saved) accept();
    },
    dispose: () => training.dispose(),
  };
}

/** An eager step with an evaluator that uses its newest weights. */
export function openEagerEngine(settings: TrainingSettings): { step: TrainingStep; evaluator: Evaluator; dispose(): void } {
  const { model, losses } = settings;
  const step = createEagerStep(settings);
  const evaluator: Evaluator = {
    run: (batch) =>
      restoringVariables(savedVariables(model), () => {
        writeWeights(model, evalWeights(step.readState()));
        const { images, coverage } = batchTensors(model, batch);
        const logits = model.forward(images, false)[0] as Tensor4D;
        const [loss] = lossValueOf(losses)(logits, targetsOf(coverage)).dataSync();
        return { loss: loss as number, logits: logits.dataSync() as Float32Array };
      }),
    dispose: () => undefined,
  };
  return { step, evaluator, dispose: () => step.dispose() };
}
