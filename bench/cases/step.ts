import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { ModelName } from '@carpal/configs/schema/experiment.ts';
import { MODEL_NAMES } from '@carpal/configs/schema/learning.ts';
import { measureWays } from '../baseline/pytorch-ways.ts';
import { STEP_METHOD } from '../baseline/step-method.ts';
import type { ComparedCase } from '../harness/case.ts';
import { comparedWithFastest, type Figure, pooled, type WayFigure } from '../harness/figure.ts';
import { type Effort, exactly, HALF_EFFORT, WHOLE_EFFORT } from '../harness/measure.ts';
import { runWorker } from '../harness/processes.ts';
import { type StepShape, stepName } from '../harness/step-matrix.ts';
import type { StepRequest } from '../workers/training-step.ts';

/** The request to workers/step-main.ts and pytorch_step.py. */
export type TimedStepRequest = StepRequest & { readonly warmup: number; readonly effort: Effort };

/** The file with the PyTorch definition of a network. */
export function baselineNetwork(network: string): string {
  return join(import.meta.dirname, '../pytorch/networks', `${network}.py`);
}

/** Throws unless both sides train the same number of parameters: otherwise they are not the same network. */
export function checkSameNetwork(network: string, ours: Figure, ways: readonly WayFigure[]): void {
  const other = ways.find(({ figure }) => figure.parameters !== ours.parameters);
  if (!other) return;
  const what = `${network} has ${ours.parameters} trained parameters in carpal and ${other.figure.parameters} in PyTorch`;
  throw new CarpalError('usage-invalid', what, {
    where: baselineNetwork(network),
    fix: 'Make the PyTorch definition equal to that of the registry.',
  });
}

/** A training step of one network at one size, precision and batch size. */
const step = (shape: StepShape & { readonly network: ModelName }): ComparedCase => ({
  name: stepName(shape),
  item: 'image',
  what: `a training step of ${shape.network} at ${shape.size} px, ${shape.count === 1 ? 'a single image' : `batches of ${shape.count}`}, ${shape.precision}`,
  against: 'PyTorch, its fastest way',
  method: STEP_METHOD,
  goal: shape.precision === 'float32' ? 0.9 : 1.05,
  memoryGoal: 1.2,
  run: async ({ classes, baselines, quick }) => {
    const { network, size, count } = shape;
    if (!existsSync(baselineNetwork(network))) {
      throw new CarpalError('usage-invalid', `${network} has no PyTorch definition to compare with`, {
        where: baselineNetwork(network),
        fix: `Write ${network} for PyTorch as bench/pytorch/networks/__init__.py describes.`,
      });
    }
    // A step of a wide network at 512 px takes half a minute.
    const warmup = size > 256 || count > 1 ? 1 : 2;
    const request = { ...shape, classes: classes.length, warmup };
    const half = (effort: Effort): Promise<Figure> => runWorker('step-main.ts', { ...request, effort } satisfies TimedStepRequest);
    // carpal is measured before and after the baseline, with equal repetitions: if the machine slows down between them, the spread grows
    // but the ratio does not change.
    const before = await half(HALF_EFFORT);
    const { ways, failedWays } = await measureWays({ pytorch: baselines.pytorch, quick }, { ...request, effort: WHOLE_EFFORT });
    const ours = pooled([before, await half(exactly(before.seconds.length))]);
    checkSameNetwork(network, ours, ways);
    return { ...comparedWithFastest(ours, ways), ...(failedWays.length === 0 ? {} : { failedWays }) };
  },
});

const SIZES = [256, 512] as const;
const PRECISIONS = ['float32', 'bfloat16'] as const;
const COUNTS = [1, 2, 4] as const;

/** Steps that share a batch size, a size and a precision. */
export type StepGroup = { readonly name: string; readonly count: number; readonly cases: readonly ComparedCase[] };

/** Every network of the registry at every size, precision and batch size. */
export const STEP_GROUPS: readonly StepGroup[] = COUNTS.flatMap((count) =>
  SIZES.flatMap((size) =>
    PRECISIONS.map((precision) => ({
      name: ['step', size, ...(precision === 'float32' ? [] : [precision]), ...(count === 1 ? [] : [`batch${count}`])].join('-'),
      count,
      cases: MODEL_NAMES.map((network) => step({ network, size, precision, count })),
    })),
  ),
);

export const STEPS: readonly ComparedCase[] = STEP_GROUPS.flatMap(({ cases }) => cases);
