import { relu } from '../../engine/ops/activations.ts';
import { tf } from '../../engine/tensorflow.ts';
import { convNorm, convNormRelu, type Layer } from './conv-norm-relu.ts';
import type { VariableMaker } from './variables.ts';

/** `middle` is the width of the 3×3 convolutions; the result has `middle` channels times the expansion of the kind of block. */
export type ResidualOptions = {
  readonly from: number;
  readonly middle: number;
  readonly stride?: number;
  readonly dilation?: number;
};

/** The result of a bottleneck has this many times the channels of its middle. */
const EXPANSION = 4;

/** Makes a block (He and others 2016): ReLU of what is learned plus the input, or its projection where size or channels change. */
export type ResidualBlock = {
  readonly expansion: number;
  readonly make: (make: VariableMaker, name: string, options: ResidualOptions) => Layer;
};

/** 1×1, 3×3 and 1×1 convolutions: `narrow`, `middle`, `widen`, `shortcut`. */
export const BOTTLENECK: ResidualBlock = {
  expansion: EXPANSION,
  make: (make, name, { from, middle, stride = 1, dilation = 1 }) => {
    const to = middle * EXPANSION;
    const narrow = convNormRelu(make, `${name}/narrow`, { from, to: middle, size: 1 });
    const across = convNormRelu(make, `${name}/middle`, { from: middle, to: middle, stride, dilation });
    const widen = convNorm(make, `${name}/widen`, { from: middle, to, size: 1 });
    const changed: Layer = (x, training) => widen(across(narrow(x, training), training), training);
    return beside(make, name, { changed, from, to, stride });
  },
};

/** Two 3×3 convolutions: `first`, `second`, `shortcut`. */
export const BASIC: ResidualBlock = {
  expansion: 1,
  make: (make, name, { from, middle: to, stride = 1, dilation = 1 }) => {
    const first = convNormRelu(make, `${name}/first`, { from, to, stride, dilation });
    const second = convNorm(make, `${name}/second`, { from: to, to, dilation });
    return beside(make, name, { changed: (x, training) => second(first(x, training), training), from, to, stride });
  },
};

type Beside = { readonly changed: Layer; readonly from: number; readonly to: number; readonly stride: number };

function beside(make: VariableMaker, name: string, { changed, from, to, stride }: Beside): Layer {
  const shortcut = stride === 1 && from === to ? undefined : convNorm(make, `${name}/shortcut`, { from, to, size: 1, stride });
  return (x, training) => tf.tidy(() => relu(tf.add(changed(x, training), shortcut ? shortcut(x, training) : x)));
}
