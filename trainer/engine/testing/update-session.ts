/** Support for tests of updates that are written as nodes: a session with one program whose inputs are gradients. */
import { DATA_TYPE } from '../graph/graph-definition.ts';
import type { Feed } from '../graph/graph-session.ts';
import { describedTensor } from '../graph/native-binding.ts';
import { JoinedPrograms, tapeOf, type WriteUpdates } from '../graph/programs.ts';
import type { Tape } from '../graph/tape.ts';
import { GRADIENT } from '../graph/update-nodes.ts';
import { type NamedArrays, valueCount } from '../named-arrays.ts';
import { tf } from '../tensorflow.ts';
import { type NamedVariable, readVariables } from '../variables.ts';

export type UpdateSession = {
  /** Runs the updates once, with the gradients of the `model/…` variables by name. */
  run(gradients: Readonly<Record<string, ArrayLike<number>>>, learningRate: number): void;
  readState(): NamedArrays;
  writeState(state: NamedArrays): void;
  dispose(): void;
};

/** A session over `state`, whose trainable variables are named `model/…`. It starts with the variables' values. */
export function openUpdateSession(state: readonly NamedVariable[], write: WriteUpdates): UpdateSession {
  const shapes = new Map(
    state.flatMap(({ name, variable }) => (name.startsWith('model/') ? [[name.slice(6), variable.shape] as const] : [])),
  );
  const programs = new JoinedPrograms(state, { precision: 'float32', updates: () => write });
  const tapes = new Map<string, Tape>();
  tf.tidy(() => {
    const { float32 } = DATA_TYPE;
    const gradients = [...shapes].map(([name, shape]) => [`${GRADIENT}${name}`, describedTensor(shape, float32)] as const);
    const learningRate = describedTensor([], float32);
    const inputs = { ...Object.fromEntries(gradients), learningRate };
    tapes.set('update', tapeOf({ inputs, run: () => ({ done: tf.neg(learningRate) }) }, state));
  });
  const session = programs.join(tapes, false);
  session.writeState(readVariables(state));
  return {
    run: (gradients, learningRate) => {
      const feeds: Record<string, Feed> = {
        'update/learningRate': { dataType: DATA_TYPE.float32, shape: [], values: Float32Array.of(learningRate) },
      };
      for (const [name, shape] of shapes) {
        const values = Float32Array.from(gradients[name] ?? new Float32Array(valueCount(shape)));
        feeds[`update/${GRADIENT}${name}`] = { dataType: DATA_TYPE.float32, shape, values };
      }
      session.run(feeds, ['update/done']);
    },
    readState: () => session.readState(),
    writeState: (arrays) => session.writeState(arrays),
    dispose: () => programs.dispose(),
  };
}
