import { CarpalError } from '@carpal/configs/errors.ts';
import type { Model } from '../models/model.ts';
import { savedVariables } from '../models/weights.ts';
import { clipGradients } from '../objective/clip-gradients.ts';
import { lossOf, type WeightedLoss } from '../objective/losses.ts';
import { createOptimizer, type OptimizerSettings } from '../objective/optimizers.ts';
import { type AverageSettings, createWeightAverage, type WeightAverage } from '../objective/weight-average.ts';
import { type GradientSum, gradientSum } from './gradient-sum.ts';
import type { Precision } from './graph/session-config.ts';
import { floatsOfBytes, runKernel, typeAttribute } from './kernels.ts';
import type { LossScaler, LossScaleSettings } from './loss-scaler.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from './tensorflow.ts';
import type { NamedVariable } from './variable-arrays.ts';

/** What is trained and how. */
export type TrainingSettings = {
  readonly model: Model;
  readonly losses: readonly WeightedLoss[];
  readonly optimizer: OptimizerSettings;
  /** Largest norm of all gradients together; 0 clips nothing. */
  readonly gradientClip?: number;
  /** The optimizer moves once in this many batches, by the mean of their gradients. */
  readonly accumulate?: number;
  /** How much each head of deep supervision counts, the answer first; all alike where this is left out. */
  readonly headWeights?: readonly number[] | undefined;
  /** The moving average of weights that validates and predicts. */
  readonly average?: AverageSettings;
  /** Of the random numbers that some networks draw in training; 0 by default. */
  readonly seed?: number;
  /** What convolutions run in where the step is a graph; eager steps are float32. */
  readonly precision?: Precision;
  /** For float16 graphs. */
  readonly lossScale?: LossScaleSettings;
};

const T = [typeAttribute('T')];

/** What becomes of the gradients, clipped and gathered as the settings say; where the loss is scaled, only if `finite` is true. */
type Update = (gradients: readonly Tensor[], learningRate: Scalar, finite?: Scalar) => void;

/**
 * A step of training from tensors to tensors: it reads and assigns variables, makes no random choice, reads nothing back, and its constants
 * are the same in every call. That is what lets it be recorded as a graph.
 */
export type TrainingFunction = {
  /**
   * Trains on images `[n, s, s, 1]` and coverage bytes `[n, s, s, classes]`; `moves` false only adds to the accumulated gradients. `update`
   * takes the place of the optimizer and of the average: it gets the gradients of the trainable variables, in the model's order, as the
   * optimizer would. `seed`, two int32 values, decides the step's random numbers.
   */
  step(images: Tensor4D, coverage: Tensor, learningRate: Scalar, moves: boolean, seed: Tensor, update?: Update): Scalar;
  /** The optimizer's move, which changes nothing where `finite` is given and false. */
  readonly move: Update;
  readonly average: WeightAverage | undefined;
  /** The state: weights, moving averages, optimizer slots, accumulated gradients, by the names under which they are saved. */
  readonly state: readonly NamedVariable[];
  /** Frees all of it but the model. */
  dispose(): void;
};

/** Targets in 0..1 of coverage bytes 0..255; the division happens on the device. */
export function targetsOf(coverage: Tensor): Tensor4D {
  return tf.div(floatsOfBytes<Tensor4D>(coverage), 255);
}

/**
 * With a scaler the gradients are computed times its scale, and a step whose gradients are not finite is skipped. Moving averages take part
 * in such a step all the same, as in PyTorch, where the forward pass moves them. The loss returned is never scaled; it is not a number where
 * no scale makes the gradients finite.
 */
export function createTrainingFunction(settings: TrainingSettings, scaler?: LossScaler): TrainingFunction {
  const { model, losses, optimizer, gradientClip = 0, accumulate = 1, headWeights } = settings;
  const trainable = model.variables.filter((variable) => variable.trainable);
  const rule = createOptimizer(trainable, optimizer);
  const sum: GradientSum | undefined = accumulate > 1 ? gradientSum(trainable, accumulate) : undefined;
  const average = settings.average && settings.average.decay > 0 ? createWeightAverage(model.variables, settings.average) : undefined;
  const loss = lossOf(losses);
  const lossOfHeads = (heads: readonly Tensor4D[], targets: Tensor4D): Scalar => {
    if (!scaler) return meanOf(heads.map((logits) => loss(logits, targets)), headWeights); // biome-ignore format: a call
    return scaler.scaled(meanOf(heads.map((logits) => loss(scaler.widened(logits), targets)), headWeights)); // biome-ignore format: a call
  };
  const move: Update = (gradients, learningRate, finite) => {
    if (!finite) return rule.update(gradients, learningRate);
    unlessLost([...trainable, ...rule.slots], finite, () => rule.update(gradients, learningRate));
  };
  const moveAndAverage: Update = (gradients, learningRate, finite) => {
    move(gradients, learningRate, finite);
    average?.update();
  };

  const step: TrainingFunction['step'] = (images, coverage, learningRate, moves, seed, update = moveAndAverage) => {
    const targets = targetsOf(coverage);
    const { value, grads } = tf.variableGrads(
      () => lossOfHeads(model.forward(images, true, seed), targets),
      trainable.map(({ variable }) => variable),
    );
    // A variable that the loss does not depend on has no gradient: nothing but weight decay moves it.
    let gradients = trainable.map(({ variable }) => grads[variable.name] ?? tf.zerosLike(variable));
    if (scaler) gradients = scaler.unscaled(gradients);
    if (sum) gradients = sum.add(gradients);
    if (!moves) return value;
    const judged = scaler?.judge(gradients);
    update(gradientClip > 0 ? clipGradients(gradients, gradientClip) : gradients, learningRate, judged?.finite);
    sum?.clear();
    return judged ? tf.where(judged.lost, tf.scalar(Number.NaN), value) : value;
  };

  const own = [...rule.slots, ...(sum?.slots ?? []), ...(average?.slots ?? []), ...(scaler?.slots ?? [])].map(({ name, variable }) => ({
    name: `optimizer/${name}`,
    variable,
  }));
  return {
    step,
    move,
    average,
    state: [...savedVariables(model), ...own],
    dispose: () => {
      rule.dispose();
      sum?.dispose();
      average?.dispose();
      scaler?.dispose();
    },
  };
}

/** Runs `work` and takes back what it did to the variables unless `finite` is true, by kernels alone. */
function unlessLost(variables: readonly NamedVariable[], finite: Scalar, work: () => void): void {
  tf.tidy(() => {
    const former = variables.map(({ variable }) => tf.clone(variable));
    work();
    for (const [index, { variable }] of variables.entries()) {
      variable.assign(runKernel('SelectV2', T, [finite, variable, former[index] as Tensor]));
    }
  });
}

/** The mean of the heads' losses, each as often as its weight says. */
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
