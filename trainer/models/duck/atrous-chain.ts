import type { Layer } from '../layers/conv-norm-relu.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { convReluNorm } from './conv-relu-norm.ts';

type Options = { readonly from: number; readonly to: number; readonly length: number };

/** `length` 3×3 convolutions in a row, dilated 1, 2, 3 …, each with ReLU and normalisation: a wide view from few weights. */
export function atrousChain(make: VariableMaker, name: string, { from, to, length }: Options): Layer {
  const steps = Array.from({ length }, (_, index) =>
    convReluNorm(make, `${name}/${index + 1}`, { from: index === 0 ? from : to, to, dilation: index + 1 }),
  );
  return (x, training) => steps.reduce((value, step) => step(value, training), x);
}
