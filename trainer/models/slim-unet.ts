import { maxPool2x2 } from '../engine/ops/max-pool.ts';
import { upsampleBilinear2x } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { doubleConv } from './layers/conv-norm.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** The levels' widths as multiples of `width`. Deeper levels use the last one. */
const MULTIPLES = [1, 2, 4, 8, 8] as const;

/**
 * A U-Net for small machines: `depth` levels of `width`·{1, 2, 4, 8, 8, …} channels, each with two 3×3 convolutions without bias and batch
 * normalisation; bilinear up-sampling (no weights, no checkerboard), concatenated with the level's features. With width 16 and depth 5 it
 * learns hands at 128 pixels in a few hundred steps on two cores.
 */
export function buildSlimUNet({ options, classes, seed }: ModelBuild): Model {
  const { width = 16, depth = 5 } = options;
  return defineModel({ name: 'SlimUNet', options: { width, depth }, classes, sizeMultiple: 2 ** (depth - 1) }, (variables) =>
    layers(variableMaker(seed, variables), classes, width, depth),
  );
}

function layers(make: VariableMaker, classes: number, width: number, depth: number) {
  const widths = Array.from({ length: depth }, (_, level) => width * (MULTIPLES[Math.min(level, MULTIPLES.length - 1)] as number));
  const down = widths.map((to, level) =>
    doubleConv(make, `down${level + 1}`, { from: level === 0 ? 1 : (widths[level - 1] as number), to, onImages: level === 0 }),
  );
  const up = widths
    .slice(0, -1)
    .map((to, level) => doubleConv(make, `up${level + 1}`, { from: to + (widths[level + 1] as number), to }))
    .reverse();
  const answer = head(make, 'head', width, classes);

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const skips: Tensor4D[] = [];
    let x = images;
    for (const [level, encode] of down.entries()) {
      x = encode(level === 0 ? x : maxPool2x2(x), training);
      skips.push(x);
    }
    skips.pop();
    for (const merge of up) x = merge(tf.concat4d([skips.pop() as Tensor4D, upsampleBilinear2x(x)], 3), training);
    return [answer(x)];
  };
}
