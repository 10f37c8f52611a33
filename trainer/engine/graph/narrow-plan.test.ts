import { afterEach, describe, expect, it } from 'vitest';
import { biasAdd } from '../ops/bias-add.ts';
import { conv2d } from '../ops/conv2d.ts';
import { relu } from '../ops/relu.ts';
import { type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow.ts';
import { tapeOf } from './compile.ts';
import { narrowRole } from './narrow-operations.ts';
import { narrowPlan } from './narrow-plan.ts';
import { liveOperations } from './translate.ts';

const SIZE = 32;
const CHANNELS = 32;

afterEach(() => tf.disposeVariables());

/** Two convolutions of 32 channels at 32×32 with `between` between them, the sum of their result, and its gradients: what of it is narrow. */
function narrowed(between: (x: Tensor4D) => Tensor4D): { narrow: string[]; wide: string[] } {
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
  const plan = narrowPlan(tape, live);
  const names = (isNarrow: boolean) =>
    [...live].filter((index) => plan.has(index) === isNarrow).map((index) => tape.operations[index]?.name ?? '');
  images.dispose();
  return { narrow: names(true).sort(), wide: names(false) };
}

const CONVOLUTIONS = ['Conv2D', 'Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropFilter', 'Conv2DBackpropInput'];

describe('the plan of a bfloat16 step', () => {
  it('narrows convolutions, their gradients, and what stands between them', () => {
    expect(narrowed(relu).narrow).toEqual([...CONVOLUTIONS, 'Relu', 'ReluGrad']);
  });

  it('leaves an operation that the table does not name in float32, wherever it stands', () => {
    const { narrow, wide } = narrowed((x) => tf.tidy(() => tf.elu(x)));
    expect(narrow).toEqual(CONVOLUTIONS);
    expect(wide).toEqual(expect.arrayContaining(['Elu', 'EluGrad', 'Exp', 'Sum']));
  });

  it('leaves in float32 what could pass but leads to no operation that gains', () => {
    const { narrow, wide } = narrowed((x) => tf.tidy(() => tf.elu(tf.mul(x, 2))));
    expect(narrow).toEqual(CONVOLUTIONS);
    expect(wide).toContain('Mul');
  });

  it('leaves the gradient of a convolution with explicit padding in float32, and a bias joins its convolution', () => {
    const attributes = [{ name: 'padding', type: 0, value: 'EXPLICIT' }];
    const shapes = { inputs: [[1, 32, 32, 8], [4], [1, 16, 16, 8]], outputs: [[3, 3, 8, 8]] };
    expect(narrowRole({ name: 'Conv2DBackpropFilter', attributes, ...shapes })).toBe('stays');
    expect(narrowRole({ name: 'Conv2DBackpropFilter', attributes: [], ...shapes })).toBe('gains');
    expect(narrowRole({ name: 'SomethingNew', attributes: [], ...shapes })).toBe('stays');
    const biased = narrowed((x) => tf.tidy(() => tf.elu(biasAdd(x, tf.ones([CHANNELS])))));
    expect(biased.narrow).toEqual(['BiasAdd', ...CONVOLUTIONS]);
  });
});
