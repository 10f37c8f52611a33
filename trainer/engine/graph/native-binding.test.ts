import { describe, expect, it } from 'vitest';
import { byteTensor } from '../kernels.ts';
import { tf } from '../tensorflow.ts';
import { DATA_TYPE } from './graph-definition.ts';
import {
  describedTensor,
  type NativeRecorder,
  nativeBackend,
  nativeDataType,
  nativeId,
  nextDescribedId,
  withRecorder,
} from './native-binding.ts';

/** Tests the private parts of tfjs-node that recording relies on. If one of them fails after an upgrade, check engine/graph. */
describe('the private API of tfjs-node', () => {
  it('has the versions for which recording was written', () => {
    expect(tf.version_core).toBe('4.22.0');
    expect((nativeBackend().binding as unknown as { TF_Version: string }).TF_Version).toBe('2.18.1');
  });

  it('reports whether it found a GPU', () => {
    expect(nativeBackend().isUsingGpuDevice).toBeTypeOf('boolean');
  });

  it('runs every kernel through executeOp, uploads through createTensor and reads through tensorDataSync', () => {
    const seen: string[] = [];
    const execute: NativeRecorder['execute'] = (name) => {
      seen.push(name);
      return [{ id: nextDescribedId(), shape: [2], dtype: DATA_TYPE.float32 }];
    };
    const read = (): never => {
      throw new Error('there is nothing to read');
    };
    const recorder = { execute, uploaded: () => void seen.push('upload'), read };
    expect(() => withRecorder(recorder, () => tf.tidy(() => void tf.relu(tf.add(tf.tensor1d([1, -2]), 1)).dataSync()))).toThrow(
      'there is nothing to read',
    );
    expect(seen).toEqual(['upload', 'upload', 'Add', 'Relu']);
  });

  it('disposes of described tensors without calling the native module', () => {
    const before = tf.memory().numTensors;
    const described = describedTensor([2, 3], DATA_TYPE.float32);
    expect(described.shape).toEqual([2, 3]);
    expect(nativeId(described)).toBeLessThan(-1);
    described.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('throws when a kernel runs on a described tensor outside a recording', () => {
    expect(() => tf.tidy(() => tf.neg(describedTensor([2], DATA_TYPE.float32)))).toThrow();
  });

  it('is restored after a recording that failed', () => {
    const { binding } = nativeBackend();
    const recorder = { execute: () => [], uploaded: () => undefined, read: () => undefined };
    expect(() =>
      withRecorder(recorder, () => {
        throw new Error('the step failed');
      }),
    ).toThrow('the step failed');
    expect(nativeBackend().binding).toBe(binding);
  });

  it('uses a new native tensor for a variable that is assigned, and the same one for a variable that is only read', () => {
    const variable = tf.variable(tf.scalar(1));
    const before = nativeId(variable);
    tf.tidy(() => void tf.add(variable, 1).dataSync());
    expect(nativeId(variable)).toBe(before);
    tf.tidy(() => variable.assign(tf.scalar(2)));
    expect(nativeId(variable)).not.toBe(before);
    variable.dispose();
  });

  it('reports the element type uint8 for a tensor of bytes, which tfjs calls int32', () => {
    const bytes = byteTensor(Uint8Array.of(1, 2, 3), [3]);
    expect(bytes.dtype).toBe('int32');
    expect(nativeDataType(bytes)).toBe(DATA_TYPE.uint8);
    bytes.dispose();
  });
});
