import { biasAdd } from '../engine/ops/linear.ts';
import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { resnetBlocks } from './duck/resnet-block.ts';
import { convolution } from './layers/convolution.ts';
import { head, PRIOR_LOG_ODDS } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild, RapuNetHead } from './model.ts';
import { boundaryAggregation } from './rapu/boundary-aggregation.ts';
import { caformer, caformerWidths } from './rapu/caformer.ts';
import { convNormAct } from './rapu/conv-norm-act.ts';
import { rapuBlock } from './rapu/rapu-block.ts';

/** Channels of the images as the first kernels see them. */
const IMAGE_CHANNELS = 3;
/** Halvings from the images to the bottom. */
const LEVELS = 5;
/** Channels in which the levels are aggregated (the paper has 32 and 16). */
const AGGREGATED = 32;

type Widths = { readonly width: number; readonly head: RapuNetHead; readonly divisor: number };

/**
 * RAPUNet after Lee, Yoo: "Metaformer and CNN hybrid model for polyp image segmentation" (2024), as the original had it: the four maps of a
 * CAFormer-S18 are added to a chain of RAPU blocks over the images, residual blocks at the bottom; the levels at 1/8 to 1/32 give one map, the
 * level at 1/4 and they, by selective boundary aggregation, another, and the sum of both is the answer. All interpolation is bilinear.
 *
 * `head: published` makes one number of each pixel and all classes from it, as the paper does for its single class; it cannot tell classes apart
 * and is kept for its count, 44,647,848 parameters at width 16 and 29 classes, in which the encoder's unused classifier takes part. `head:
 * perClass` has a map for each class on both ways and no dead weights. `divisor` divides the encoder's widths.
 */
export function buildRapuNet({ options, classes, seed }: ModelBuild): Model {
  const chosen: Widths = { width: options.width ?? 16, head: options.head ?? 'perClass', divisor: options.divisor ?? 1 };
  return defineModel({ name: 'RAPUNet', options: chosen, classes, sizeMultiple: 2 ** LEVELS }, (variables) =>
    rapuNetLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers with their variables; `width` is that of the first level, each further one doubles it. */
export function rapuNetLayers(make: VariableMaker, classes: number, { width, head: kind, divisor }: Widths) {
  const widthOf = (level: number): number => width * 2 ** level;
  const levels = Array.from({ length: LEVELS }, (_, index) => index + 1);

  const encode = caformer(make, 'encoder', { divisor, classifier: kind === 'published' });
  const bare = convolution(make, 'bare', { from: IMAGE_CHANNELS, to: widthOf(1), stride: 2, padding: [1, 1, 1, 1], onImages: true });
  const beside = caformerWidths(divisor).map((from, index) =>
    convolution(make, `beside${index + 2}`, { from, to: widthOf(index + 2), size: 1 }),
  );
  const top = rapuBlock(make, 'down0', IMAGE_CHANNELS, width);
  const down = levels.map((level) => ({
    halve: convolution(make, `halve${level}`, { from: widthOf(level - 1), to: widthOf(level), size: 2, stride: 2, padding: 'valid' }),
    block: level < LEVELS ? rapuBlock(make, `down${level}`, widthOf(level), widthOf(level)) : undefined,
  }));
  const bottom = [
    resnetBlocks(make, 'bottom1', 2, { from: widthOf(LEVELS), to: widthOf(LEVELS), normalizedSkip: false }),
    resnetBlocks(make, 'bottom2', 2, { from: widthOf(LEVELS), to: widthOf(LEVELS - 1), normalizedSkip: false }),
  ];
  const deep = convNormAct(make, 'deep', { from: 2 * widthOf(4) + widthOf(3), to: AGGREGATED, size: 1 });
  const fine = convNormAct(make, 'fine', { from: widthOf(2), to: AGGREGATED, size: 3 });
  const coarse = convNormAct(make, 'coarse', { from: 2 * widthOf(4), to: AGGREGATED, size: 1 });
  const aggregate = boundaryAggregation(make, 'boundary', AGGREGATED);
  const answer = kind === 'published' ? sharedHead(make, classes) : perClassHead(make, classes);

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const fromEncoder = encode(images);
    let x = top(tf.concat4d([images, images, images], 3), training);
    const skips: Tensor4D[] = [];
    for (const [index, { halve, block }] of down.entries()) {
      const other = index === 0 ? bare(images) : (beside[index - 1] as (x: Tensor4D) => Tensor4D)(fromEncoder[index - 1] as Tensor4D);
      const joined: Tensor4D = tf.add(halve(x), other);
      x = block ? block(joined, training) : joined;
      skips.push(x);
    }
    for (const residual of bottom) x = residual(x, training);
    const [, quarter, eighth, sixteenth] = skips as [Tensor4D, Tensor4D, Tensor4D, Tensor4D];
    const to = (map: Tensor4D, like: Tensor4D): Tensor4D => upsampleBilinear(map, like.shape[1] / map.shape[1]);
    const deepMap = deep(tf.concat4d([to(x, eighth), to(sixteenth, eighth), eighth], 3), training);
    const coarseMap = to(coarse(tf.concat4d([to(x, sixteenth), sixteenth], 3), training), eighth);
    return [answer(deepMap, aggregate(fine(quarter, training), coarseMap, training), images)];
  };
}

type Head = (deep: Tensor4D, aggregated: Tensor4D, images: Tensor4D) => Tensor4D;

/** The sum of both ways' maps at the size of the images. */
function summedMaps(make: VariableMaker, maps: number, gain: number): Head {
  const one = { to: maps, size: 1, bias: false, gain };
  const ofDeep = convolution(make, 'deepMaps', { from: AGGREGATED, ...one });
  const ofAggregated = convolution(make, 'boundaryMaps', { from: 2 * AGGREGATED, ...one });
  return (deep, aggregated, images) => {
    const grown = (map: Tensor4D): Tensor4D => upsampleBilinear(map, images.shape[1] / map.shape[1]);
    return tf.add(grown(ofDeep(deep)), grown(ofAggregated(aggregated)));
  };
}

function sharedHead(make: VariableMaker, classes: number): Head {
  const sum = summedMaps(make, 1, 1);
  const answer = head(make, 'head', 1, classes);
  return (...maps) => answer(sum(...maps));
}

/** Small first weights keep the first logits near the prior. */
function perClassHead(make: VariableMaker, classes: number): Head {
  const sum = summedMaps(make, classes, 0.01);
  const bias = make.constant('head/bias', [classes], PRIOR_LOG_ODDS);
  return (...maps) => biasAdd(sum(...maps), bias);
}
