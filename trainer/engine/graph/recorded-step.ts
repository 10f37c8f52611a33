/** Records a training step: the tapes of its programs for one shape of batch. */
import type { Model } from '../../models/model.ts';
import { checkSize } from '../device-batch.ts';
import type { Scalar, Tensor, Tensor4D } from '../tensorflow.ts';
import type { TrainingFunction, TrainingSettings } from '../training-function.ts';
import { undone } from '../variable-arrays.ts';
import { type Program, tapeOf } from './compile.ts';
import { fusedUpdate } from './fused-update.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { describedTensor } from './native-binding.ts';
import { difference, NotRecordable, type Tape } from './tape.ts';
import { FINITE, GRADIENT } from './update-context.ts';

/** The programs of a step: one that ends with the optimizer's move, and one that only gathers gradients for it. */
export const PROGRAM = { moves: 'move', waits: 'wait' } as const;

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

/** The tapes of the step's programs by their names. The variables are afterwards what they were before. */
export function recordStep(settings: TrainingSettings, training: TrainingFunction, shape: BatchShape): Map<string, Tape> {
  const { model, optimizer, accumulate = 1 } = settings;
  checkSize(model, shape.size);
  const trainable = model.variables.filter((variable) => variable.trainable);
  const isFused = fusedUpdate(trainable, optimizer) !== undefined;
  const names = accumulate > 1 ? [PROGRAM.waits, PROGRAM.moves] : [PROGRAM.moves];
  const tapes = new Map<string, Tape>();
  for (const name of names) {
    undone(training.state, () => {
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
      tapes.set(name, tapeOf({ inputs, run }, training.state));
    });
  }
  return tapes;
}

/** Throws NotRecordable where two recordings of the step, on the smallest images that the network takes, are not the same program. */
export function checkRecordable(settings: TrainingSettings, training: TrainingFunction): void {
  const shape = { count: 1, size: 2 * settings.model.sizeMultiple };
  const [first, second] = [recordStep(settings, training, shape), recordStep(settings, training, shape)];
  for (const [name, tape] of first) {
    const why = difference(tape, second.get(name) ?? tape);
    if (why !== undefined) throw new NotRecordable(why);
  }
}
