/** Records a training step: the tapes of its programs for a shape of batch. */
import type { Model } from '../../models/model.ts';
import { checkSize } from '../device-batch.ts';
import type { Scalar, Tensor, Tensor4D } from '../tensorflow.ts';
import type { TrainingFunction, TrainingSettings } from '../training-function.ts';
import { undone } from '../variable-arrays.ts';
import { type Program, tapeOf } from './compile.ts';
import { fusedUpdate } from './fused-update.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { describedTensor } from './native-binding.ts';
import { NotRecordable } from './not-recordable.ts';
import { difference, type Tape } from './tape.ts';
import { FINITE, GRADIENT } from './update-context.ts';

/** The programs of a step: one that ends with the optimizer's move, and one that only gathers gradients for it. */
export const PROGRAM = { moves: 'move', waits: 'wait' } as const;
export type ProgramName = (typeof PROGRAM)[keyof typeof PROGRAM];

/** `count` images of `size` pixels. */
export type BatchShape = { readonly count: number; readonly size: number };

/** What a step is given, as shapes without values. */
function stepInputs({ classes }: Model, { count, size }: BatchShape) {
  return {
    images: describedTensor([count, size, size, 1], DATA_TYPE.float32) as Tensor4D,
    coverage: describedTensor([count, size, size, classes], DATA_TYPE.uint8),
    learningRate: describedTensor([], DATA_TYPE.float32) as Scalar,
    seed: describedTensor([2], DATA_TYPE.int32),
  };
}

/** One of the step's programs. The variables are afterwards what they were before. */
export function recordProgram(settings: TrainingSettings, training: TrainingFunction, shape: BatchShape, name: ProgramName): Tape {
  const { model, optimizer } = settings;
  checkSize(model, shape.size);
  const trainable = model.variables.filter((variable) => variable.trainable);
  const isFused = fusedUpdate(trainable, optimizer) !== undefined;
  return undone(training.state, () => {
    const inputs = stepInputs(model, shape);
    const { images, coverage, learningRate, seed } = inputs;
    const run: Program['run'] = () => {
      const kept: [string, Tensor][] = [];
      const keep = (gradients: readonly Tensor[], rate: Scalar, finite?: Scalar): void => {
        if (!isFused) training.move(gradients, rate, finite);
        else for (const [index, gradient] of gradients.entries()) kept.push([`${GRADIENT}${trainable[index]?.name}`, gradient]);
        if (finite) kept.push([FINITE, finite]);
      };
      const loss = training.step(images, coverage, learningRate, name === PROGRAM.moves, seed, keep);
      return { loss, ...Object.fromEntries(kept) };
    };
    return tapeOf({ inputs, run }, training.state);
  });
}

/** The programs of a step: gathering gradients is one only where the optimizer does not move every time. */
export function programsOf({ accumulate = 1 }: TrainingSettings): readonly ProgramName[] {
  return accumulate > 1 ? [PROGRAM.waits, PROGRAM.moves] : [PROGRAM.moves];
}

/** Throws NotRecordable where two recordings of the step, on small images, are not the same program. */
export function checkRecordable(settings: TrainingSettings, training: TrainingFunction): void {
  const shape = { count: 1, size: 2 * settings.model.sizeMultiple };
  for (const name of programsOf(settings)) {
    const record = (): Tape => recordProgram(settings, training, shape, name);
    const why = difference(record(), record());
    if (why !== undefined) throw new NotRecordable(why);
  }
}
