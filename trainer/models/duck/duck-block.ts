import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { Layer } from '../layers/conv-norm-relu.ts';
import { norm } from '../layers/norm.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { atrousChain } from './atrous-chain.ts';
import { convReluNorm } from './conv-relu-norm.ts';
import { resnetBlocks } from './resnet-block.ts';

/** Length of the separated kernels. */
const SEPARATED = 3;

/**
 * Deep Understanding Convolutional Kernel: normalisation, then the sum of six branches (wide scope: dilations 1-2-3; mid scope: 1-2; one, two
 * and three residual blocks; a kernel separated into 1×3 and 3×1), then normalisation.
 */
export function duckBlock(make: VariableMaker, name: string, from: number, to: number): Layer {
  const before = norm(make, `${name}/before`, from);
  const residual = { from, to, normalizedSkip: true };
  const across = convReluNorm(make, `${name}/separated/1`, { from, to, size: [1, SEPARATED] });
  const along = convReluNorm(make, `${name}/separated/2`, { from: to, to, size: [SEPARATED, 1] });
  const branches: Layer[] = [
    atrousChain(make, `${name}/wide`, { from, to, length: 3 }),
    atrousChain(make, `${name}/mid`, { from, to, length: 2 }),
    resnetBlocks(make, `${name}/residual1`, 1, residual),
    resnetBlocks(make, `${name}/residual2`, 2, residual),
    resnetBlocks(make, `${name}/residual3`, 3, residual),
    (x, training) => along(across(x, training), training),
  ];
  const after = norm(make, `${name}/after`, to);
  return (x, training) =>
    tf.tidy(() => {
      const even = before(x, training);
      return after(tf.addN(branches.map((branch) => branch(even, training))) as Tensor4D, training);
    });
}
