import { afterEach, describe, expect, it } from 'vitest';
import { relu } from '../ops/activations.ts';
import { conv2d } from '../ops/conv2d.ts';
import { biasAdd } from '../ops/linear.ts';
import { type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow.ts';
import { tapeOf } from './programs.ts';
import { precisionRole } from './reduced-precision-operations.ts';
import { reducedPrecisionPlan } from './reduced-precision-plan.ts';
import { liveOperations } from './translate.ts';

const SIZE = 32;
const CHANNELS = 32;

afterEach(() => tf.disposeVariables());

/**
 * Plans a step of two convolutions of 32 channels at 32×32 with `between` between them, the sum of the result, and its gradients. Returns
 * the live operations by the type in which they compute.
 */
function planned(between: (x: Tensor4D) => Tensor4D): { bfloat16: string[]; float32: string[] } {
  const kernel = (): Variable => tf.variable(tf.ones([3, 3, CHANNELS, CHANNELS]));
  const kernels = [kernel(), kernel()] as const;
  const images = tf.ones([1, SIZE, SIZE, CHANNELS]) as Tensor4D;
  const run = (): Record<string, Tensor> => {
    const loss = () => tf.sum(tf.exp(conv2d(between(conv2d(images, kernels[0], { inputGradient: false })), kernels[1]))) as Tensor;
    const { value, grads } = tf.variableGrads(loss as () => ReturnType<typeof tf.scalar>, [...kernels]);
    return { value, ...grads };
  };
  const variables = kernels.map((variable, index) => ({ name: `kernel${index}`, variable }));
  const tape = tapeOf({ inputs: { images }, run }, variables);
  const live = liveOperations(
    tape,
    [...tape.results.values()].map(({ id }) => id),
  );
  const plan = reducedPrecisionPlan(tape, live);
  const names = (isReduced: boolean) =>
    [...live].filter((index) => plan.has(index) === isReduced).map((index) => tape.operations[index]?.name ?? '');
  images.dispose();
  return { bfloat16: names(true).sort(), float32: names(false) };
}

const CONVOLUTIONS = ['Conv2D', 'Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropFilter', 'Conv2DBackpropInput'];

describe('the plan of a bfloat16 step', () => {
  it('contains convolutions, their gradients, and operations between them that pass', () => {
    expect(planned(relu).bfloat16).toEqual([...CONVOLUTIONS, 'Relu', 'ReluGrad']);
  });

  it('keeps operations that are not in the table in float32, also between convolutions', () => {
    const { bfloat16, float32 } = planned((x) => tf.tidy(() => tf.elu(x)));
    expect(bfloat16).toEqual(CONVOLUTIONS);
    expect(float32).toEqual(expect.arrayContaining(['Elu', 'EluGrad', 'Exp', 'Sum']));
  });

  it('keeps operations in float32 that could pass but lead to no operation that gains', () => {
    const { bfloat16, float32 } = planned((x) => tf.tidy(() => tf.elu(tf.mul(x, 2))));
    expect(bfloat16).toEqual(CONVOLUTIONS);
    expect(float32).toContain('Mul');
  });

  it('keeps the gradient of a convolution with explicit padding in float32, and joins a bias to its convolution', () => {
    const attributes = [{ name: 'padding', type: 0, value: 'EXPLICIT' }];
    const shapes = { inputs: [[1, 32, 32, 8], [4], [1, 16, 16, 8]], outputs: [[3, 3, 8, 8]] };
    expect(precisionRole({ name: 'Conv2DBackpropFilter', attributes, ...shapes })).toBe('stays');
    expect(precisionRole({ name: 'Conv2DBackpropFilter', attributes: [], ...shapes })).toBe('gains');
    expect(precisionRole({ name: 'SomethingNew', attributes: [], ...shapes })).toBe('stays');
    const biased = planned((x) => tf.tidy(() => tf.elu(biasAdd(x, tf.ones([CHANNELS])))));
    expect(biased.bfloat16).toEqual(['BiasAdd', ...CONVOLUTIONS]);
  });
});
