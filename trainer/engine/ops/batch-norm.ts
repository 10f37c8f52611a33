import { booleanAttribute, floatAttribute, runKernelOutputs, textAttribute, typeAttribute, withGradient } from '../kernels.ts';
import { type Tensor, type Tensor4D, tf, type Variable } from '../tensorflow.ts';

/** Added to the variance before the square root, unless a network was published with another number (PyTorch's default). */
const EPSILON = 1e-5;
/** Weight of the newest batch in the moving averages (PyTorch's momentum; TensorFlow's is one minus this). */
const MOMENTUM = 0.1;

export type BatchNormVariables = {
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly movingMean: Variable;
  readonly movingVariance: Variable;
  /**
   * The bias of the preceding convolution, which published networks have and include in their parameter counts. Normalisation removes it,
   * so in training it only shifts the moving mean, and its gradient is exactly zero. Adding it to x would cost two passes over memory.
   */
  readonly offset?: Tensor | undefined;
  readonly epsilon?: number | undefined;
};

const attributes = (training: boolean, epsilon: number) => [
  typeAttribute('T'),
  typeAttribute('U'),
  floatAttribute('epsilon', epsilon),
  floatAttribute('exponential_avg_factor', MOMENTUM),
  textAttribute('data_format', 'NHWC'),
  booleanAttribute('is_training', training),
];

/**
 * Batch normalisation of x `[batch, height, width, channels]` per channel, as PyTorch's BatchNorm2d.
 *
 * In training: y = gamma·(x − mean)/√(variance + epsilon) + beta with the mean and the (biased) variance of the batch. As a side effect, the
 * moving averages become 0.9·old + 0.1·batch, with the unbiased variance (n − 1). In inference, the moving averages replace the batch's
 * statistics, and nothing is updated or differentiated.
 */
export function batchNorm(x: Tensor4D, variables: BatchNormVariables, training: boolean): Tensor4D {
  const { gamma, beta, movingMean, movingVariance, offset, epsilon = EPSILON } = variables;
  const chosen = attributes(training, epsilon);
  if (!training) {
    const inputs = [x, gamma, beta, offset === undefined ? movingMean : tf.sub(movingMean, offset), movingVariance];
    const [y, ...unused] = runKernelOutputs('FusedBatchNormV3', chosen, inputs, 6);
    for (const tensor of unused) tensor.dispose();
    return y as Tensor4D;
  }
  const inputs = [x, gamma, beta, movingMean, movingVariance];
  return withGradient<Tensor4D>([x, gamma, beta], () => {
    const [y, mean, variance, ...reserved] = runKernelOutputs('FusedBatchNormV3', chosen, inputs, 6) as [
      Tensor,
      Tensor,
      Tensor,
      ...Tensor[],
    ];
    movingMean.assign(offset === undefined ? mean : tf.add(mean, tf.mul(offset, MOMENTUM)));
    movingVariance.assign(variance);
    return {
      value: y as Tensor4D,
      saved: [x, gamma, ...reserved],
      gradient: (dy, saved) => {
        const shared = chosen.filter((attribute) => attribute.name !== 'exponential_avg_factor');
        return runKernelOutputs('FusedBatchNormGradV3', shared, [dy, ...saved], 5).slice(0, 3);
      },
    };
  });
}
