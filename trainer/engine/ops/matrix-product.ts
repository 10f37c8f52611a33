import { booleanAttribute, runKernel, typeAttribute } from '../kernels.ts';
import type { Tensor } from '../tensorflow.ts';

const attributes = (transposeA: boolean, transposeB: boolean) => [
  typeAttribute('T'),
  booleanAttribute('transpose_a', transposeA),
  booleanAttribute('transpose_b', transposeB),
];
const PLAIN = attributes(false, false);
const BY_TRANSPOSED = attributes(false, true);
const TRANSPOSED_BY = attributes(true, false);

/** a `[n, k]` times b `[k, m]`. No gradient of its own, like the two below. */
export const product = (a: Tensor, b: Tensor): Tensor => runKernel('MatMul', PLAIN, [a, b]);

/** a `[n, k]` times the transpose of b `[m, k]`. */
export const productByTransposed = (a: Tensor, b: Tensor): Tensor => runKernel('MatMul', BY_TRANSPOSED, [a, b]);

/** The transpose of a `[k, n]` times b `[k, m]`. */
export const transposedProduct = (a: Tensor, b: Tensor): Tensor => runKernel('MatMul', TRANSPOSED_BY, [a, b]);
