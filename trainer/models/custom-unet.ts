import { gelu } from '../engine/ops/activations.ts';
import { maxPool2x2 } from '../engine/ops/max-pool.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { chooseVariant, defineModel } from './define-model.ts';
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
/** Dropout probability in training. */
const RATE = 0.3;

/** Whether a variant computes what the original computes. */
const VARIANTS = { published: true, improved: false } as const;

/**
 * The original's own network, its best single network: 19,086,557 parameters at 29 classes and width 64. The encoder has four levels of two
 * 3×3 convolutions with dilation 2 and bias, batch normalisation and GELU. Each level is followed by a double attention
 * (double-attention.ts) whose result goes to the next level and to the decoder. The bottom is 512→1024→512. Each decoder level is a 2×2
 * transposed convolution to the level's channels, the addition of the encoder's features, and a 3×3 convolution with normalisation and
 * GELU.
 *
 * `variant: published` computes what the original computes. In training it drops values after the bottom and after each addition in the
 * decoder. `variant: improved` has the attention of CBAM instead, and drops values after each attention, after the bottom, and after each
 * decoder level. Both have the same variables. Up to version 0.1, `improved` was the only network of this name.
 */
export function buildCustomUNet({ options, classes, seed }: ModelBuild): Model {
  const { width = 64 } = options;
  const variant = chooseVariant('CustomUNet', VARIANTS, options.variant ?? 'published');
  return defineModel({ name: 'CustomUNet', options: { width, variant }, classes, sizeMultiple: 16, draws: true }, (variables) =>
    layers(variableMaker(seed, variables), { classes, width, published: VARIANTS[variant] }),
  );
}

type Shape = { readonly classes: number; readonly width: number; readonly published: boolean };

function layers(make: VariableMaker, { classes, width, published }: Shape) {
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
    const attend = doubleAttention(make, `${name}/attention`, { channels: to, hidden: Math.max(1, Math.floor(width / 4)), published });
    const drop = published ? undefined : dropout();
    return (x: Tensor4D, training: boolean, seed?: Tensor) =>
      tf.tidy(() => {
        const attended = attend(second(first(x, training), training));
        return drop ? drop(attended, seed) : attended;
      });
  });
  const bottom = [step('bottom/1', deepest, 2 * deepest), step('bottom/2', 2 * deepest, deepest)] as const;
  const dropBottom = dropout();
  const up = widths
    .map((to, level) => {
      const grow = convUp(make, `up${level + 1}/grow`, widths[level + 1] ?? deepest, to);
      const mix = step(`up${level + 1}/mix`, to, to);
      const drop = dropout();
      return (x: Tensor4D, skip: Tensor4D, training: boolean, seed?: Tensor) =>
        tf.tidy(() => {
          const fused: Tensor4D = tf.add(grow(x), skip);
          return published ? mix(drop(fused, seed), training) : drop(mix(fused, training), seed);
        });
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
