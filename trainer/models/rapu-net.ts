import { relu } from '../engine/ops/activations.ts';
import { batchNorm } from '../engine/ops/batch-norm.ts';
import { biasAdd } from '../engine/ops/linear.ts';
import { upsampleBilinear, upsampleBilinear2x } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { caformer, caformerWidths } from './caformer.ts';
import { defineModel } from './define-model.ts';
import { atrousChain, resnetBlock, resnetBlocks } from './layers/atrous.ts';
import { convolution } from './layers/convolution.ts';
import { HEAD_BIAS, head, headDeviation } from './layers/head.ts';
import { batchNormVariables, type Layer, norm } from './layers/normalization.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild, RapuNetHead } from './model.ts';

/** Channels of the images as seen by the first kernels. */
const IMAGE_CHANNELS = 3;
/** Number of times that the size is halved. */
const LEVELS = 5;
/** Channels in which the levels are aggregated (32 and 16 in the paper). */
const AGGREGATED = 32;

type Widths = { readonly width: number; readonly head: RapuNetHead; readonly divisor: number };

/**
 * RAPUNet after Lee, Yoo, "Metaformer and CNN hybrid model for polyp image segmentation" (2024), as in the original: the four maps of a
 * CAFormer-S18 are added to a chain of RAPU blocks over the images, with residual blocks at the bottom. The levels at 1/8 to 1/32 are
 * combined into one map. These levels and the level at 1/4 are combined into another map by selective boundary aggregation. The output is
 * the sum of both. All interpolation is bilinear.
 *
 * `head: published` computes one number per pixel and all classes from it, as the paper does for its single class. It cannot distinguish
 * classes and is kept for comparison. It has 41,543,104 parameters at width 16 and 29 classes; the original's 44,647,848 include an unused
 * ImageNet classifier. `head: perClass` has one map per class on both paths. `divisor` divides the encoder's widths.
 */
export function buildRapuNet({ options, classes, seed }: ModelBuild): Model {
  const chosen: Widths = { width: options.width ?? 16, head: options.head ?? 'perClass', divisor: options.divisor ?? 1 };
  return defineModel({ name: 'RAPUNet', options: chosen, classes, sizeMultiple: 2 ** LEVELS }, (variables) =>
    rapuNetLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers and their variables. `width` is the width of the first level; each further level doubles it. */
export function rapuNetLayers(make: VariableMaker, classes: number, { width, head: kind, divisor }: Widths) {
  const widthOf = (level: number): number => width * 2 ** level;
  const levels = Array.from({ length: LEVELS }, (_, index) => index + 1);

  const encode = caformer(make, 'encoder', divisor);
  const bare = convolution(make, 'bare', { from: IMAGE_CHANNELS, to: widthOf(1), stride: 2, padding: [1, 1, 1, 1], onImages: true });
  const encoderMaps = caformerWidths(divisor).map((from, index) =>
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
      const other = index === 0 ? bare(images) : (encoderMaps[index - 1] as (x: Tensor4D) => Tensor4D)(fromEncoder[index - 1] as Tensor4D);
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

/** The sum of the maps of both paths, at the size of the images. */
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

/** The two maps together have the first logits of a head. */
function perClassHead(make: VariableMaker, classes: number): Head {
  const inputs = 3 * AGGREGATED;
  const sum = summedMaps(make, classes, (headDeviation(inputs) ** 2 * inputs) / 2);
  const bias = make.constant('head/bias', [classes], HEAD_BIAS);
  return (...maps) => biasAdd(sum(...maps), bias);
}

/**
 * Selective boundary aggregation of a fine map and a map of half its size, both with `channels` channels: each keeps its values where it is
 * confident and takes the other's elsewhere. The result has the fine size and twice the channels.
 */
function boundaryAggregation(make: VariableMaker, name: string, channels: number) {
  const same = { from: channels, to: channels, size: 1 };
  const side = (part: string) => ({
    project: convolution(make, `${name}/${part}/project`, { ...same, bias: false }),
    refine: convNormAct(make, `${name}/${part}/refine`, same),
  });
  const fineSide = side('fine');
  const coarseSide = side('coarse');
  const join = convNormAct(make, `${name}/join`, { from: 2 * channels, to: 2 * channels, size: 3 });
  const selected = (own: Tensor4D, gate: Tensor4D, other: Tensor4D): Tensor4D =>
    tf.add(tf.add(own, tf.mul(own, gate)), tf.mul(tf.sub(1, gate), other));

  return (fine: Tensor4D, coarse: Tensor4D, training: boolean): Tensor4D =>
    tf.tidy(() => {
      const [projectedFine, projectedCoarse] = [fineSide.project(fine), coarseSide.project(coarse)];
      const [gateFine, gateCoarse] = [tf.sigmoid(projectedFine), tf.sigmoid(projectedCoarse)];
      const [ownFine, ownCoarse] = [fineSide.refine(projectedFine, training), coarseSide.refine(projectedCoarse, training)];
      const fromCoarse = upsampleBilinear2x(tf.mul(gateCoarse, ownCoarse));
      // Bilinear interpolation to exactly half the size is the mean of each 2×2 tile.
      const fromFine = tf.avgPool(tf.mul(gateFine, ownFine) as Tensor4D, 2, 2, 'valid');
      const selectedFine = selected(ownFine, gateFine, fromCoarse);
      const selectedCoarse = upsampleBilinear2x(selected(ownCoarse, gateCoarse, fromFine));
      return join(tf.concat4d([selectedFine, selectedCoarse], 3), training);
    });
}

/** Residual and Atrous convolution in a Parallel Unit: normalisation, dilations 1-2-3 plus a residual block, normalisation. */
function rapuBlock(make: VariableMaker, name: string, from: number, to: number): Layer {
  const before = norm(make, `${name}/before`, from);
  const atrous = atrousChain(make, `${name}/atrous`, { from, to, length: 3 });
  const residual = resnetBlock(make, `${name}/residual`, { from, to, normalizedSkip: false });
  const after = norm(make, `${name}/after`, to);
  return (x, training) =>
    tf.tidy(() => {
      const even = before(x, training);
      return after(tf.add(atrous(even, training), residual(even, training)), training);
    });
}

type ConvNormActOptions = { readonly from: number; readonly to: number; readonly size: number };

/** Convolution without bias, with a kernel of any size; normalisation; ReLU. */
function convNormAct(make: VariableMaker, name: string, { from, to, size }: ConvNormActOptions): Layer {
  const convolve = convolution(make, name, { from, to, size, bias: false, gain: 2 });
  const norm = batchNormVariables(make, `${name}/norm`, to);
  return (x, training) => tf.tidy(() => relu(batchNorm(convolve(x), norm, training)));
}
