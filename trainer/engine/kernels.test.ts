import { describe, expect, it } from 'vitest';
import { byteTensor, floatsOfBytes, runKernel, runKernelOutputs, typeAttribute } from './kernels.ts';
import { tf } from './tensorflow.ts';

describe('kernels', () => {
  it('rely on private parts of tfjs-node as they are in version 4.22.0', () => {
    expect(tf.version['tfjs-node']).toBe('4.22.0');
  });

  it('can be called when tfjs does not wrap them', () => {
    expect(runKernel('L2Loss', [typeAttribute('T')], [tf.tensor1d([3, 4])]).dataSync()).toEqual(Float32Array.of(12.5));
  });

  it('return all of their outputs', () => {
    const logits = tf.tensor2d([[0, 0]]);
    const [loss, gradient] = runKernelOutputs('SoftmaxCrossEntropyWithLogits', [typeAttribute('T')], [logits, tf.tensor2d([[1, 0]])], 2);
    expect(loss?.dataSync()[0]).toBeCloseTo(Math.log(2), 6);
    expect([...(gradient?.dataSync() ?? [])]).toEqual([-0.5, 0.5]);
  });

  it("report TensorFlow's message when inputs do not fit", () => {
    expect(() => runKernel('Relu', [typeAttribute('T')], [])).toThrow(/Relu/);
  });

  it('accept bytes without conversion and expand them on the device', () => {
    const before = tf.memory().numTensors;
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    const floats = tf.tidy(() => tf.div(floatsOfBytes(byteTensor(bytes, [4, 64])), 255));
    expect(floats.shape).toEqual([4, 64]);
    expect([...floats.dataSync()]).toEqual([...bytes].map((value) => Math.fround(value / 255)));
    floats.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
