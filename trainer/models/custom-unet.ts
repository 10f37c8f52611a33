import { gelu } from '../engine/ops/activations.ts';
import { maxPool2x2 } from '../engine/ops/max-pool.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { convNorm } from './layers/conv-norm.ts';
import { convUp } from './layers/convolution.ts';
import { doubleAttention } from './layers/double-attention.ts';
import { dropoutMaker } from './layers/guidance.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Channels of the encoder's levels as multiples of `width`. */
const MULTIPLES = [1, 2, 4, 8] as const;
const INPUT_CHANNELS = 3;
/** Dilation of the encoder's kernels. */
const DILATION = 2;
/** Dropout probability in training, at the bottom and after every fusion. */
const RATE = 0.3;

/**
 * The original's own network, its best single network: 19,086,557 parameters at 29 classes and width 64. The encoder has four levels of two
 * 3×3 convolutions with dilation 2 and bias, batch normalisation and GELU. Each level is followed by a double attention
 * (double-attention.ts) whose result goes to the next level and to the decoder. The bottom is 512→1024→512. Each decoder level is a 2×2
 * transposed convolution to the level's channels, the addition of the encoder's features, and a 3×3 convolution with normalisation and
 * GELU. Dropout follows the bottom and every fusion, on both paths.
 *
 * Where the description of the network leaves a choice, the parameter count decides: one 3×3 convolution per decoder level, a bias in the
 * 5×5 convolutions, and none in the channel attention. The original's attention never multiplied its map with the features; here it does,
 * with the same count.
 */
export function buildCustomUNet({ options, classes, seed }: ModelBuild): Model {
  const { width = 64 } = options;
  return defineModel({ name: 'CustomUNet', options: { width }, classes, sizeMultiple: 16, draws: true }, (variables) =>
    layers(variableMaker(seed, variables), classes, width),
  );
}

function layers(make: VariableMaker, classes: number, width: number) {
  const widths = MULTIPLES.map((multiple) => width * multiple);
  const deepest = widths.at(-1) as number;
  const dropout = dropoutMaker(RATE);
  const step = (name: string, from: number, to: number, { dilation = 1, onImages = false } = {}) => {
    const normalised = convNorm(make, name, { from, to, bias: true, dilation, onImages });
    return (x: Tensor4D, training: boolean) => tf.tidy(() => gelu(normalised(x, training)));
  };
  const down = widths.map((to, level) => {
    const name = `down${level + 1}`;
    const first = step(`${name}/1`, level === 0 ? INPUT_CHANNELS : (widths[level - 1] as number), to, {
      dilation: DILATION,
      onImages: level === 0,
    });
    const second = step(`${name}/2`, to, to, { dilation: DILATION });
    const attend = doubleAttention(make, `${name}/attention`, { channels: to, hidden: Math.max(1, Math.floor(width / 4)) });
    const drop = dropout();
    return (x: Tensor4D, training: boolean, seed?: Tensor) => tf.tidy(() => drop(attend(second(first(x, training), training)), seed));
  });
  const bottom = [step('bottom/1', deepest, 2 * deepest), step('bottom/2', 2 * deepest, deepest)] as const;
  const dropBottom = dropout();
  const up = widths
    .map((to, level) => {
      const grow = convUp(make, `up${level + 1}/grow`, widths[level + 1] ?? deepest, to);
      const mix = step(`up${level + 1}/mix`, to, to);
      const drop = dropout();
      return (x: Tensor4D, skip: Tensor4D, training: boolean, seed?: Tensor) =>
        tf.tidy(() => drop(mix(tf.add(grow(x), skip) as Tensor4D, training), seed));
    })
    .reverse();
  const answer = head(make, 'head', width, classes);

  return (images: Tensor4D, training: boolean, seed?: Tensor): readonly Tensor4D[] => {
    const skips: Tensor4D[] = [];
    let x = images;
    for (const encode of down) {
      const features = encode(x, training, seed);
      skips.push(features);
      x = maxPool2x2(features);
    }
    x = dropBottom(bottom[1](bottom[0](x, training), training), seed);
    for (const decode of up) x = decode(x, skips.pop() as Tensor4D, training, seed);
    return [answer(x)];
  };
}
