import { describe, expect, it } from 'vitest';
import { byteTensor } from '../kernels.ts';
import { tf } from '../tensorflow.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { nativeBackend, nativeDataType, nativeId, observeNative } from './native-binding.ts';

/** The private parts of tfjs-node that recording relies on: if one of these fails after an upgrade, engine/graph needs another look. */
describe('tfjs-node below its public API', () => {
  it('is the version that these facts were found in', () => {
    expect(tf.version_core).toBe('4.22.0');
    expect((nativeBackend().binding as unknown as { TF_Version: string }).TF_Version).toBe('2.18.1');
  });

  it('says whether it found a GPU', () => {
    expect(nativeBackend().isUsingGpuDevice).toBeTypeOf('boolean');
  });

  it('runs every kernel through executeOp, uploads through createTensor and reads through tensorDataSync', () => {
    const seen: string[] = [];
    const observer = {
      executed: (name: string) => void seen.push(name),
      uploaded: () => void seen.push('upload'),
      read: () => void seen.push('read'),
    };
    observeNative(observer, () => tf.tidy(() => void tf.relu(tf.add(tf.tensor1d([1, -2]), 1)).dataSync()));
    expect(seen).toEqual(['upload', 'upload', 'Add', 'Relu', 'read']);
  });

  it('is left as it was after a step that failed', () => {
    const { binding } = nativeBackend();
    const observer = { executed: () => undefined, uploaded: () => undefined, read: () => undefined };
    expect(() =>
      observeNative(observer, () => {
        throw new Error('the step failed');
      }),
    ).toThrow('the step failed');
    expect(nativeBackend().binding).toBe(binding);
  });

  it('gives a variable a new native tensor when it is assigned, and keeps it when it is only read', () => {
    const variable = tf.variable(tf.scalar(1));
    const before = nativeId(variable);
    tf.tidy(() => void tf.add(variable, 1).dataSync());
    expect(nativeId(variable)).toBe(before);
    tf.tidy(() => variable.assign(tf.scalar(2)));
    expect(nativeId(variable)).not.toBe(before);
    variable.dispose();
  });

  it('knows a tensor of bytes as bytes though tfjs calls it int32', () => {
    const bytes = byteTensor(Uint8Array.of(1, 2, 3), [3]);
    expect(bytes.dtype).toBe('int32');
    expect(nativeDataType(bytes)).toBe(DATA_TYPE.uint8);
    bytes.dispose();
  });
});
