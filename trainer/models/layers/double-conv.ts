import { convNormRelu, type Layer } from './conv-norm-relu.ts';
import type { VariableMaker } from './variables.ts';

type DoubleConvOptions = {
  readonly from: number;
  readonly between?: number;
  readonly to: number;
  readonly bias?: boolean;
  readonly onImages?: boolean;
};

/** Two 3×3 convolutions with normalisation and ReLU; `between` is the width between them (by default that of the result). */
export function doubleConv(make: VariableMaker, name: string, options: DoubleConvOptions): Layer {
  const { from, to, between = to, bias = false, onImages = false } = options;
  const first = convNormRelu(make, `${name}/1`, { from, to: between, bias, onImages });
  const second = convNormRelu(make, `${name}/2`, { from: between, to, bias });
  return (x, training) => second(first(x, training), training);
}
