import { maxPool } from '../engine/ops/max-pool.ts';
import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { convNormRelu, doubleConv } from './layers/conv-norm.ts';
import { guidance } from './layers/guidance.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Channels of the encoder's levels as multiples of `width`. */
const MULTIPLES = [1, 2, 4, 8, 16] as const;
const INPUT_CHANNELS = 3;

/**
 * UNet 3+ (Huang et al. 2020, "UNet 3+: A Full-Scale Connected UNet for Medical Image Segmentation"). Five encoder levels of `width`·{1, 2,
 * 4, 8, 16} channels. Each of the four decoder levels uses all five scales: the encoder's maps of the same and finer scales, max-pooled
 * (sizes are multiples of 16, so pooling is exact), and the decoder's coarser maps and the bottom, up-sampled. A 3×3 convolution brings
 * each to `width` channels, another combines the five. Heads are 3×3.
 *
 * 27,572,435 parameters at 29 classes and width 64 with deep supervision (a head on every decoder level and the bottom) and guidance (the
 * classifier of guidance.ts, 2,050). The original always allocates both, so all its variants have the same count. Here each exists only if
 * it is used: 27,570,385 with supervision alone, 27,054,495 with guidance alone, 27,052,445 with neither.
 */
export function buildUNet3Plus({ options, classes, seed }: ModelBuild): Model {
  const { width = 64, guidance: guided = false, deepSupervision = false } = options;
  const facts = {
    name: 'UNet3Plus',
    options: { width, guidance: guided, ...(deepSupervision && { deepSupervision }) },
    classes,
    sizeMultiple: 16,
    draws: guided,
  };
  return defineModel(facts, (variables) => layers(variableMaker(seed, variables), { classes, width, guided, deepSupervision }));
}

type Shape = { readonly classes: number; readonly width: number; readonly guided: boolean; readonly deepSupervision: boolean };

function layers(make: VariableMaker, { classes, width, guided, deepSupervision }: Shape) {
  const widths = MULTIPLES.map((multiple) => width * multiple);
  const bottom = widths.length - 1;
  const bottomWidth = widths[bottom] as number;
  const mixed = width * widths.length;
  const down = widths.map((to, level) =>
    doubleConv(make, `down${level + 1}`, {
      from: level === 0 ? INPUT_CHANNELS : (widths[level - 1] as number),
      to,
      bias: true,
      onImages: level === 0,
    }),
  );
  const up = widths
    .slice(0, -1)
    .map((_, level) => ({
      level,
      branches: widths.map((encoded, source) => {
        const from = source <= level || source === bottom ? encoded : mixed;
        return convNormRelu(make, `up${level + 1}/from${source + 1}`, { from, to: width, bias: true });
      }),
      mix: convNormRelu(make, `up${level + 1}/mix`, { from: mixed, to: mixed, bias: true }),
    }))
    .reverse();
  const answer = head(make, 'head', mixed, classes, 3);
  const sides = deepSupervision
    ? widths.slice(1).map((to, index) => head(make, `side${index + 2}`, index + 1 === bottom ? to : mixed, classes, 3))
    : [];
  const guide = guided ? guidance(make, 'guidance', bottomWidth) : undefined;

  return (images: Tensor4D, training: boolean, seed?: Tensor): readonly Tensor4D[] => {
    const encoded: Tensor4D[] = [];
    for (const encode of down) {
      const above = encoded.at(-1);
      encoded.push(encode(above === undefined ? images : maxPool(above, 2), training));
    }
    const presence = guide?.(encoded[bottom] as Tensor4D, seed);
    // Indexed by level. Starts as the encoder's maps. The decoder's maps replace them as they are computed; the bottom stays.
    const decoded: Tensor4D[] = [...encoded];
    for (const { level, branches, mix } of up) {
      const scales = branches.map((branch, source) => {
        const x = (source <= level ? encoded : decoded)[source] as Tensor4D;
        return tf.tidy(() =>
          branch(source < level ? maxPool(x, 2 ** (level - source)) : upsampleBilinear(x, 2 ** (source - level)), training),
        );
      });
      decoded[level] = mix(tf.concat4d(scales, 3), training);
    }
    const heads = training ? [answer, ...sides] : [answer];
    return heads.map((toLogits, level) =>
      tf.tidy(() => {
        const logits = upsampleBilinear(toLogits(decoded[level] as Tensor4D), 2 ** level);
        return presence === undefined ? logits : (tf.add(logits, presence) as Tensor4D);
      }),
    );
  };
}
