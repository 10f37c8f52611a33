import { relu } from '../../engine/ops/activations.ts';
import { upsampleBilinear } from '../../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convNorm, convNormRelu, type Layer } from '../layers/conv-norm-relu.ts';
import type { VariableMaker } from '../layers/variables.ts';

/** From the maps of all branches to as many of the same shapes. */
export type BranchLayer = (maps: readonly Tensor4D[], training: boolean) => readonly Tensor4D[];

/**
 * The exchange between branches: each takes the sum over all of them, brought to its size and channels, and a ReLU of it. From a smaller
 * map a 1×1 convolution and bilinear interpolation, from a larger one a 3×3 convolution at stride 2 for each halving, with ReLUs between.
 * Names: `to1/from2`, and `to3/from1/1` for the steps down.
 */
export function exchange(make: VariableMaker, name: string, widths: readonly number[]): BranchLayer {
  const routes = widths.map((_, to) =>
    widths.map((_width, from) => route(make, `${name}/to${to + 1}/from${from + 1}`, { widths, from, to })),
  );
  return (maps, training) =>
    routes.map((into) => tf.tidy(() => relu(tf.addN(into.map((bring, from) => bring(maps[from] as Tensor4D, training))) as Tensor4D)));
}

type Route = { readonly widths: readonly number[]; readonly from: number; readonly to: number };

function route(make: VariableMaker, name: string, { widths, from, to }: Route): Layer {
  const [start, end] = [widths[from] as number, widths[to] as number];
  if (from === to) return (x) => x;
  if (from > to) {
    const convolve = convNorm(make, name, { from: start, to: end, size: 1 });
    return (x, training) => tf.tidy(() => upsampleBilinear(convolve(x, training), 2 ** (from - to)));
  }
  const steps = Array.from({ length: to - from }, (_, index) => {
    const isLast = index === to - from - 1;
    return (isLast ? convNorm : convNormRelu)(make, `${name}/${index + 1}`, { from: start, to: isLast ? end : start, stride: 2 });
  });
  return (x, training) => tf.tidy(() => steps.reduce((y, step) => step(y, training), x));
}
