import { maxPool2x2 } from '../engine/ops/max-pool.ts';
import { upsampleBilinear2xAligned } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { doubleConv } from './layers/conv-norm.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Channels of the levels as multiples of `width`. */
const MULTIPLES = [1, 2, 4, 8, 16] as const;
const INPUT_CHANNELS = 3;

/**
 * UNet++ (Zhou et al. 2018, "UNet++: A Nested U-Net Architecture"): 9,164,253 parameters at 29 classes and width 32, 9,167,124 with deep
 * supervision. Node (level, step) receives all earlier nodes of its level and the node below it, up-sampled with aligned corners as in the
 * original. Each node is two 3×3 convolutions with bias, batch normalisation and ReLU.
 *
 * With deep supervision each node of the top row has a head. In training the last head is the first output. Otherwise there is one output,
 * the mean of the probabilities of all heads, as in the original's evaluation; validation, prediction and thresholds all use it. Without
 * deep supervision only the last head exists.
 */
export function buildNestedUNet({ options, classes, seed }: ModelBuild): Model {
  const { width = 32, deepSupervision = false } = options;
  const facts = { name: 'NestedUNet', options: { width, ...(deepSupervision && { deepSupervision }) }, classes, sizeMultiple: 16 };
  return defineModel(facts, (variables) => layers(variableMaker(seed, variables), classes, width, deepSupervision));
}

function layers(make: VariableMaker, classes: number, width: number, deepSupervision: boolean) {
  const widths = MULTIPLES.map((multiple) => width * multiple);
  const last = widths.length - 1;
  const widthOf = (level: number): number => widths[level] as number;
  const column = widths.map((to, level) =>
    doubleConv(make, `node${level}_0`, {
      from: level === 0 ? INPUT_CHANNELS : widthOf(level - 1),
      to,
      bias: true,
      onImages: level === 0,
    }),
  );
  const nested = Array.from({ length: last }, (_, index) =>
    Array.from({ length: last - index }, (_, level) => {
      const from = widthOf(level) * (index + 1) + widthOf(level + 1);
      return doubleConv(make, `node${level}_${index + 1}`, { from, to: widthOf(level), bias: true });
    }),
  );
  const answer = head(make, 'head', width, classes);
  const sides = deepSupervision ? nested.slice(0, -1).map((_, index) => head(make, `side${index + 1}`, width, classes)) : [];

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    /** The nodes of each level so far. */
    const rows: Tensor4D[][] = [];
    for (const encode of column) {
      const above = rows.at(-1)?.[0];
      rows.push([encode(above === undefined ? images : maxPool2x2(above), training)]);
    }
    for (const nodes of nested) {
      // All nodes of a step read only nodes of earlier steps, so the new nodes are added to their rows after the whole step.
      const added = nodes.map((node, level) => {
        const below = rows[level + 1]?.at(-1) as Tensor4D;
        return tf.tidy(() => node(tf.concat4d([...(rows[level] as Tensor4D[]), upsampleBilinear2xAligned(below)], 3), training));
      });
      for (const [level, x] of added.entries()) rows[level]?.push(x);
    }
    const [top = []] = rows;
    const main = answer(top.at(-1) as Tensor4D);
    if (sides.length === 0) return [main];
    const heads = [main, ...sides.map((side, index) => side(top[index + 1] as Tensor4D))];
    return training ? heads : [meanOfHeads(heads)];
  };
}

/** Far below every probability that matters. It keeps the logarithms finite where all heads are certain. */
const LEAST = 1e-30;

/** The logits of the mean of the heads' probabilities. */
function meanOfHeads(heads: readonly Tensor4D[]): Tensor4D {
  const logarithm = (logits: readonly Tensor4D[]): Tensor4D => tf.log(tf.add(tf.addN(logits.map((one) => tf.sigmoid(one))), LEAST));
  // 1 − σ(x) is σ(−x), and the number of heads cancels.
  return tf.tidy(() => tf.sub(logarithm(heads), logarithm(heads.map((logits) => tf.neg(logits)))));
}
