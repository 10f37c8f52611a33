import { CarpalError } from '@carpal/configs/errors.ts';
import type { Precision } from '../engine/graph/session-config.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variables.ts';
import type { Model } from '../models/model.ts';
import { savedVariables } from '../models/weights.ts';
import { createOptimizer, type OptimizerSettings } from '../objective/create-optimizer.ts';
import type { LearningRates } from '../objective/learning-rates.ts';
import { lossOf, type WeightedLoss } from '../objective/losses.ts';
import { clipGradients, type Optimizer } from '../objective/optimizer.ts';
import { type AverageSettings, createWeightAverage, type WeightAverage } from '../objective/weight-average.ts';
import { targetsOf } from './batch.ts';
import { type GradientSum, gradientSum } from './gradient-accumulation.ts';
import type { LossScaler, LossScaleSettings } from './loss-scaler.ts';

/** A model and the settings of its training. */
export type TrainingSettings = {
  readonly model: Model;
  readonly losses: readonly WeightedLoss[];
  readonly optimizer: OptimizerSettings;
  /** Maximum norm of all gradients together; 0 disables clipping. */
  readonly gradientClip?: number;
  /** The optimizer updates the weights once per this many batches, with the mean of their gradients. */
  readonly accumulate?: number;
  /** The weight of each head of deep supervision, starting with the output. Equal by default. */
  readonly headWeights?: readonly number[] | undefined;
  /** The moving average of weights for validation and prediction. */
  readonly average?: AverageSettings;
  /** The seed of the random numbers that some networks draw in training; 0 by default. */
  readonly seed?: number;
  /** The precision in which convolutions compute. */
  readonly precision?: Precision;
  /** Used for float16 only. */
  readonly lossScale?: LossScaleSettings;
};

export type StepInputs = {
  /** `[batch, size, size, 1]`. */
  readonly images: Tensor4D;
  /** Bytes `[batch, size, size, classes]`. */
  readonly coverage: Tensor;
  readonly learningRate: Scalar;
  /** Only with rate factors. */
  readonly factoredRate?: Scalar;
  /** Two int32 values that decide the step's random numbers. */
  readonly seed: Tensor;
};

/**
 * Uses the gradients of the trainable variables, in the model's order, clipped and accumulated according to the settings. With a loss
 * scaler it must change nothing if `finite` is false.
 */
export type UseGradients = (gradients: readonly Tensor[], rates: LearningRates<Scalar>, finite?: Scalar) => void;

/**
 * A training step from tensors to tensors, without the optimizer's update. It reads and assigns variables, draws no random numbers in
 * JavaScript, reads no values back, and uses the same constants in every call, so it can be recorded as a graph.
 */
export type TrainingFunction = {
  /** Returns the loss. Without `moves`, it only adds to the accumulated gradients and does not call `use`. */
  step(inputs: StepInputs, moves: boolean, use: UseGradients): Scalar;
  readonly trainable: readonly NamedVariable[];
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  /** The state: weights, moving averages and slots, by the names under which they are saved. */
  readonly state: readonly NamedVariable[];
  /** Frees everything except the model. */
  dispose(): void;
};

/**
 * With a scaler, the loss is multiplied by its scale before gradients are computed, and a step whose gradients are not finite is skipped.
 * The moving averages of batch normalisation still change in such a step, as in PyTorch, where the forward pass changes them. The returned
 * loss is never scaled; it is NaN if no scale makes the gradients finite.
 */
export function createTrainingFunction(settings: TrainingSettings, scaler?: LossScaler): TrainingFunction {
  const { model, losses, gradientClip = 0, accumulate = 1, headWeights } = settings;
  const trainable = model.variables.filter((variable) => variable.trainable);
  const optimizer = createOptimizer(trainable, settings.optimizer);
  const sum: GradientSum | undefined = accumulate > 1 ? gradientSum(trainable, accumulate) : undefined;
  const average = settings.average && settings.average.decay > 0 ? createWeightAverage(model.variables, settings.average) : undefined;
  const loss = lossOf(losses);
  const lossOfHeads = (heads: readonly Tensor4D[], targets: Tensor4D): Scalar => {
    if (!scaler) return meanOf(heads.map((logits) => loss(logits, targets)), headWeights); // biome-ignore format: a call
    return scaler.scaled(meanOf(heads.map((logits) => loss(scaler.toFloat32(logits), targets)), headWeights)); // biome-ignore format: a call
  };

  const step: TrainingFunction['step'] = ({ images, coverage, learningRate, factoredRate, seed }, moves, use) => {
    const targets = targetsOf(coverage);
    const { value, grads } = tf.variableGrads(
      () => lossOfHeads(model.forward(images, true, seed), targets),
      trainable.map(({ variable }) => variable),
    );
    // A variable that the loss does not depend on has no gradient: only weight decay changes it.
    let gradients = trainable.map(({ variable }) => grads[variable.name] ?? tf.zerosLike(variable));
    if (scaler) gradients = scaler.unscaled(gradients);
    if (sum) gradients = sum.add(gradients);
    if (!moves) return value;
    const adjusted = scaler?.adjust(gradients);
    const rates = { learningRate, factored: factoredRate };
    use(gradientClip > 0 ? clipGradients(gradients, gradientClip) : gradients, rates, adjusted?.finite);
    sum?.clear();
    return adjusted ? tf.where(adjusted.lost, tf.scalar(Number.NaN), value) : value;
  };

  const slots = [...optimizer.slots, ...(sum?.slots ?? []), ...(average?.slots ?? []), ...(scaler?.slots ?? [])];
  return {
    step,
    trainable,
    optimizer,
    average,
    state: [...savedVariables(model), ...slots.map(({ name, variable }) => ({ name: `optimizer/${name}`, variable }))],
    dispose: () => {
      optimizer.dispose();
      sum?.dispose();
      average?.dispose();
      scaler?.dispose();
    },
  };
}

/** The weighted mean of the heads' losses. */
function meanOf(values: readonly Scalar[], weights: readonly number[] = values.map(() => 1)): Scalar {
  if (weights.length !== values.length) {
    throw new CarpalError('manifest-invalid', `there are ${weights.length} weights for ${values.length} heads`, {
      where: 'spec.training.headWeights',
    });
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (values.length === 1) return values[0] as Scalar;
  const weighted = values.map((value, index) => (weights[index] === 1 ? value : tf.mul(value, weights[index] as number)));
  return tf.div(tf.addN(weighted), total) as Scalar;
}
