/** Records a training step: the tapes of its programs for one shape of batch. */
import { DATA_TYPE } from '../engine/graph/graph-definition.ts';
import { describedTensor } from '../engine/graph/native-binding.ts';
import { NotRecordable } from '../engine/graph/not-recordable.ts';
import { type Program, tapeOf } from '../engine/graph/programs.ts';
import { difference, type Tape } from '../engine/graph/tape.ts';
import { FINITE, GRADIENT } from '../engine/graph/update-nodes.ts';
import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import { type NamedVariable, restoringVariables } from '../engine/variables.ts';
import { type BatchShape, checkSize, describedCoverage, describedImages } from './batch.ts';
import type { StepInputs, TrainingFunction, TrainingSettings, UseGradients } from './training-function.ts';

/** The programs of a step: one ends with the optimizer's update, the other only accumulates gradients. */
export const PROGRAM = { moves: 'move', waits: 'wait' } as const;
export type ProgramName = (typeof PROGRAM)[keyof typeof PROGRAM];

/** Records one of the step's programs. The variables keep their values. */
export function recordProgram(settings: TrainingSettings, training: TrainingFunction, shape: BatchShape, name: ProgramName): Tape {
  const { model } = settings;
  checkSize(model, shape.size);
  const { trainable, optimizer } = training;
  return restoringVariables(training.state, () => {
    const inputs: StepInputs = {
      images: describedImages(shape),
      coverage: describedCoverage(model, shape),
      learningRate: describedTensor([], DATA_TYPE.float32) as Scalar,
      ...(hasFactors(settings) && { factoredRate: describedTensor([], DATA_TYPE.float32) as Scalar }),
      seed: describedTensor([2], DATA_TYPE.int32),
    };
    const run: Program['run'] = () => {
      const kept: [string, Tensor][] = [];
      const use: UseGradients = (gradients, rates, finite) => {
        if (optimizer.kind === 'recorded') {
          unlessSkipped([...trainable, ...optimizer.slots], finite, () => optimizer.update(gradients, rates));
        } else for (const [index, gradient] of gradients.entries()) kept.push([`${GRADIENT}${trainable[index]?.name}`, gradient]);
        if (finite) kept.push([FINITE, finite]);
      };
      const loss = training.step(inputs, name === PROGRAM.moves, use);
      return { loss, ...Object.fromEntries(kept) };
    };
    return tapeOf({ inputs, run }, training.state);
  });
}

/** Whether some variables have a factor of the learning rate, so that programs have the input `factoredRate`. */
export function hasFactors({ optimizer: { rateFactors } }: TrainingSettings): boolean {
  return rateFactors !== undefined && rateFactors.size > 0;
}

const T = [typeAttribute('T')];

/** Runs `work`. If `finite` is given and false, kernels restore the variables' former values. */
function unlessSkipped(variables: readonly NamedVariable[], finite: Scalar | undefined, work: () => void): void {
  if (!finite) {
    work();
    return;
  }
  tf.tidy(() => {
    const former = variables.map(({ variable }) => tf.clone(variable));
    work();
    for (const [index, { variable }] of variables.entries()) {
      variable.assign(runKernel('SelectV2', T, [finite, variable, former[index] as Tensor]));
    }
  });
}

/**
 * The programs of a step. The program that only accumulates gradients is needed only if the optimizer does not update the weights in every
 * step.
 */
export function programsOf({ accumulate = 1 }: TrainingSettings): readonly ProgramName[] {
  return accumulate > 1 ? [PROGRAM.waits, PROGRAM.moves] : [PROGRAM.moves];
}

/** Throws `not-recordable` if two recordings of the step, on small images, are not the same program. */
export function checkRecordable(settings: TrainingSettings, training: TrainingFunction): void {
  const shape = { count: 1, size: 2 * settings.model.sizeMultiple };
  for (const name of programsOf(settings)) {
    const record = (): Tape => recordProgram(settings, training, shape, name);
    const why = difference(record(), record());
    if (why !== undefined) throw new NotRecordable(why);
  }
}
