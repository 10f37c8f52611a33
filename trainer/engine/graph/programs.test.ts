import { afterEach, expect, it } from 'vitest';
import { type Tensor, tf, type Variable } from '../tensorflow.ts';
import { nativeBackend } from './native-binding.ts';
import { JoinedPrograms, tapeOf } from './programs.ts';
import type { Tape } from './tape.ts';

afterEach(() => tf.disposeVariables());

/** A program that doubles its variable. */
function doubling(variable: Variable): Tape {
  return tapeOf({ inputs: {}, run: (): Record<string, Tensor> => ({ twice: tf.mul(variable, 2) }) }, [{ name: 'weight', variable }]);
}

it('a program that cannot be added leaves the earlier programs and their state unchanged', () => {
  const variable = tf.variable(tf.tensor1d([1, 2]));
  const variables = [{ name: 'weight', variable }];
  const programs = new JoinedPrograms(variables, { precision: 'float32' });
  const tape = doubling(variable);
  const session = programs.join(new Map([['first', tape]]), false);
  session.writeState(new Map([['weight', { shape: [2], data: Float32Array.of(3, 4) }]]));
  const sessions = nativeBackend().binding.getNumOfSavedModels();

  const broken: Tape = { ...tape, operations: tape.operations.map((operation) => ({ ...operation, name: 'NoSuchKernel' })) };
  expect(() => programs.join(new Map([['second', broken]]), true)).toThrow(/NoSuchKernel/);

  expect([programs.has('first'), programs.has('second')]).toEqual([true, false]);
  expect(nativeBackend().binding.getNumOfSavedModels()).toBe(sessions);
  expect([...(programs.session?.run({}, ['first/twice']).get('first/twice') ?? [])]).toEqual([6, 8]);
  const joined = programs.join(new Map([['second', tape]]), true);
  expect([...(joined.run({}, ['second/twice']).get('second/twice') ?? [])]).toEqual([6, 8]);
  programs.dispose();
});
