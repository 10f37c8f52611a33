import { maxPool2x2 } from '../engine/ops/max-pool.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { doubleConv } from './layers/conv-norm.ts';
import { convUp } from './layers/convolution.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Channels of the four encoder levels as multiples of the first. */
const MULTIPLES = [1, 2, 4, 8] as const;
/** Channels of the first level. */
const WIDTH = 64;
/** The kernel of the first convolution has three input channels, as in networks for colour images. */
const INPUT_CHANNELS = 3;

/**
 * The original's UNet with 23,382,941 parameters at 29 classes. After Ronneberger et al. (2015), with padding, batch normalisation and,
 * unlike the paper, up-convolutions that keep their channels: two 3×3 convolutions with bias on each level, 64-128-256-512, with
 * max-pooling between levels; 512→1024→512 at the bottom. Each decoder level is a 2×2 transposed convolution, concatenation with the
 * level's features, and two convolutions: the first halves the number of all channels, the second halves the level's.
 *
 * The images are grey: the first kernel is summed over its three input channels, which equals feeding the grey image to each of them.
 *
 * `width`, the channels of the first level, is only for tests: manifests cannot set it, because SlimUNet is the network for small machines.
 */
export function buildUNet({ options, classes, seed }: ModelBuild): Model {
  const { width = WIDTH } = options;
  const shownOptions = width === WIDTH ? {} : { width };
  return defineModel({ name: 'UNet', options: shownOptions, classes, sizeMultiple: 2 ** MULTIPLES.length }, (variables) =>
    layers(variableMaker(seed, variables), classes, width),
  );
}

function layers(make: VariableMaker, classes: number, first: number) {
  const widths = MULTIPLES.map((multiple) => first * multiple);
  const deepest = widths.at(-1) as number;
  const down = widths.map((width, level) => {
    const from = level === 0 ? INPUT_CHANNELS : (widths[level - 1] as number);
    return doubleConv(make, `down${level + 1}`, { from, to: width, bias: true, onImages: level === 0 });
  });
  const bottom = doubleConv(make, 'bottom', { from: deepest, between: 2 * deepest, to: deepest, bias: true });
  const up = widths
    .map((width, level) => ({
      grow: convUp(make, `up${level + 1}/grow`, width, width),
      merge: doubleConv(make, `up${level + 1}`, { from: 2 * width, between: width, to: widths[level - 1] ?? width, bias: true }),
    }))
    .reverse();
  const answer = head(make, 'head', first, classes);

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const skips: Tensor4D[] = [];
    let x = images;
    for (const encode of down) {
      const features = encode(x, training);
      skips.push(features);
      x = maxPool2x2(features);
    }
    x = bottom(x, training);
    for (const { grow, merge } of up) x = merge(tf.concat4d([skips.pop() as Tensor4D, grow(x)], 3), training);
    return [answer(x)];
  };
}
