import { tf } from '../../engine/tensorflow.ts';
import { atrousChain } from '../duck/atrous-chain.ts';
import { resnetBlock } from '../duck/resnet-block.ts';
import type { Layer } from '../layers/conv-norm-relu.ts';
import { norm } from '../layers/norm.ts';
import type { VariableMaker } from '../layers/variables.ts';

/** Residual and Atrous convolution in a Parallel Unit: normalisation, dilations 1-2-3 plus a residual block, normalisation. */
export function rapuBlock(make: VariableMaker, name: string, from: number, to: number): Layer {
  const before = norm(make, `${name}/before`, from);
  const atrous = atrousChain(make, `${name}/atrous`, { from, to, length: 3 });
  const residual = resnetBlock(make, `${name}/residual`, { from, to, normalizedSkip: false });
  const after = norm(make, `${name}/after`, to);
  return (x, training) =>
    tf.tidy(() => {
      const even = before(x, training);
      return after(tf.add(atrous(even, training), residual(even, training)), training);
    });
}
