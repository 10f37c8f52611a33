/** A short training of a plan in this process: on images in memory, without augmentation, checkpoints or choice of an epoch. */
import { openStore } from '@carpal/artifacts/open-store.ts';
import { checkExperiment } from '@carpal/configs/check/check-experiment.ts';
import { classListNames } from '@carpal/configs/classes.ts';
import { API_VERSION, experimentSchema, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { randomFor, shuffled } from '@carpal/masks/random.ts';
import { openBatches } from '@carpal/trainer/data/batches.ts';
import { tf } from '@carpal/trainer/engine/tensorflow.ts';
import type { Model } from '@carpal/trainer/models/model.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import type { Evaluator, StepBatch } from '@carpal/trainer/step/step.ts';
import { engineOf, modelOf } from '@carpal/trainer/step/training-engine.ts';
import { splitFold } from '@carpal/trainer/train/fold-training.ts';
import type { CollapsePlan, CollapseRun, HeadStart } from './plan.ts';

/** Dice of each class at training size, in class order, as the mean over the validation images. */
export type CollapseFigure = { readonly perClass: readonly number[] };

/** The images of fold 0, in batches of one. */
export type CollapseData = { readonly train: readonly StepBatch[]; readonly validation: readonly StepBatch[]; readonly classes: number };

/** The run as an experiment. Throws a RangeError that lists the problems of an invalid recipe. */
export function collapseExperiment(plan: CollapsePlan, { network, recipe, seed }: CollapseRun, dataset: string): SegmentationExperiment {
  const { folds, size, batchSize, learningRate } = plan;
  const result = checkExperiment(
    {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name: 'collapse' },
      spec: {
        dataset: { uri: dataset, split: { folds } },
        model: network,
        input: { size },
        augmentations: [],
        loss: recipe.loss,
        optimizer: { learningRate },
        training: { batchSize, seed },
      },
    },
    classListNames(),
  );
  if (result.ok) return experimentSchema.parse(result.experiment);
  throw new RangeError(`${recipe.id}: ${result.findings.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`);
}

/** Prepares the data set in the store of that folder and reads its fold 0 into memory. */
export async function readCollapseData({ spec, ...rest }: SegmentationExperiment, folder: string): Promise<CollapseData> {
  const store = openStore(folder);
  const prepared = await runPrepare({ experiment: { spec, ...rest }, store, clock: Date.now });
  const { train, validation } = splitFold(prepared, spec.dataset.split, 0);
  const { targets } = spec.input;
  const source = { prepared: prepared.folder, batchSize: 1, classes: prepared.classes.length, seed: 0, targets, epoch: 0, shuffle: false };
  const read = async (samples: typeof train): Promise<readonly StepBatch[]> => {
    const items: StepBatch[] = [];
    for await (const { images, targets, size } of openBatches({ ...source, samples }))
      items.push({ images: images.slice(), targets: targets.slice(), count: 1, size });
    return items;
  };
  return { train: await read(train), validation: await read(validation), classes: prepared.classes.length };
}

/** Trains the run's network for the plan's steps. Deterministic for a seed on one machine. */
export function trainCollapseRun(
  plan: CollapsePlan,
  run: CollapseRun,
  experiment: SegmentationExperiment,
  data: CollapseData,
): CollapseFigure {
  const { train, validation, classes } = data;
  const model = modelOf(experiment.spec, classes);
  try {
    startHead(model, run.head);
    const engine = engineOf(experiment.spec, model, () => undefined);
    try {
      let order: readonly StepBatch[] = [];
      for (let step = 0, epoch = 0; step < plan.steps; step++) {
        if (order.length < plan.batchSize) order = [...order, ...shuffled(train, randomFor(run.seed, 'order', epoch++))];
        engine.step.run(joined(order.slice(0, plan.batchSize)), plan.learningRate);
        order = order.slice(plan.batchSize);
      }
      return { perClass: perClassDice(engine.evaluator, validation, classes) };
    } finally {
      engine.dispose();
    }
  } finally {
    model.dispose();
  }
}

/** Gives the head of the output other first weights. Throws a RangeError if the network has no head of that kind. */
export function startHead(model: Model, { weights }: HeadStart): void {
  if (!weights) return;
  const find = (part: string) => model.variables.filter(({ name }) => name === `head/${part}` || name.endsWith(`/head/${part}`));
  const [[kernel], [bias]] = [find('kernel'), find('bias')];
  if (!kernel || !bias) throw new RangeError(`${model.name} has no head with a kernel and a bias`);
  tf.tidy(() => {
    const { shape } = kernel.variable;
    const inputs = shape.slice(0, -1).reduce((product, side) => product * side, 1);
    const spread = tf.sqrt(tf.mean(tf.square(kernel.variable)));
    kernel.variable.assign(tf.mul(kernel.variable, tf.div(weights.kernel / Math.sqrt(inputs), spread)));
    bias.variable.assign(tf.fill(bias.variable.shape, weights.bias));
  });
}

function joined(items: readonly StepBatch[]): StepBatch {
  const [
    {
      size,
      images: { length: pixels },
      targets: { length: values },
    },
  ] = items as [StepBatch];
  const images = new Float32Array(items.length * pixels);
  const targets = new Uint8Array(items.length * values);
  for (const [index, item] of items.entries()) {
    images.set(item.images, index * pixels);
    targets.set(item.targets, index * values);
  }
  return { images, targets, count: items.length, size };
}

/** A pixel belongs to a class if the class covers more than half of it. A class that is absent and not found has a Dice of 1. */
function perClassDice(evaluator: Evaluator, items: readonly StepBatch[], classes: number): readonly number[] {
  const sums = new Float64Array(classes);
  for (const item of items) {
    const { logits } = evaluator.run(item);
    const [both, all] = [new Float64Array(classes), new Float64Array(classes)];
    for (const [at, logit] of logits.entries()) {
      const [isFound, isTrue] = [logit > 0, (item.targets[at] ?? 0) > 127];
      const index = at % classes;
      if (isFound && isTrue) both[index] = (both[index] ?? 0) + 1;
      all[index] = (all[index] ?? 0) + Number(isFound) + Number(isTrue);
    }
    for (const [index, total] of all.entries()) sums[index] = (sums[index] ?? 0) + (total === 0 ? 1 : (2 * (both[index] ?? 0)) / total);
  }
  return Array.from(sums, (sum) => sum / items.length);
}
