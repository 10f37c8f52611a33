import { upsampleNearest2x } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { atrousChain, convReluNorm, resnetBlocks } from './layers/atrous.ts';
import { convolution } from './layers/convolution.ts';
import { head } from './layers/head.ts';
import { type Layer, norm } from './layers/normalization.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Channels of the images as seen by the first kernels. */
const IMAGE_CHANNELS = 3;
/** Number of times that the size is halved. */
const LEVELS = 5;

/**
 * The original's DUCKNet: 33,726,163 parameters at width 16 and 29 classes, 38,067,625 at the paper's width 17. After Dumitru, Peteleaza,
 * Craciun, "Using DUCK-Net for polyp image segmentation" (2023). The size is halved five times by 2×2 convolutions with stride 2. A second
 * chain of such convolutions adds the plain image at each of these sizes. Every level has a DUCK block; the bottom has residual blocks. In
 * the decoder each pixel is repeated in a 2×2 tile, the level's features are added (not concatenated), and another DUCK block follows. As
 * in the original, the separated kernels have length 3 (6 in the authors' code) and the skip connections of the residual blocks are
 * normalised.
 */
export function buildDuckNet({ options, classes, seed }: ModelBuild): Model {
  const { width = 16 } = options;
  return defineModel({ name: 'DUCKNet', options: { width }, classes, sizeMultiple: 2 ** LEVELS }, (variables) =>
    duckNetLayers(variableMaker(seed, variables), classes, width),
  );
}

/** The layers and their variables. `width` is the width of the first level; each further level doubles it. */
export function duckNetLayers(make: VariableMaker, classes: number, width: number) {
  const widths = Array.from({ length: LEVELS + 1 }, (_, level) => width * 2 ** level);
  const widthOf = (level: number): number => widths[Math.max(0, level)] as number;
  const levels = Array.from({ length: LEVELS }, (_, index) => index + 1);

  const bare = levels.map((level) => {
    const from = level === 1 ? IMAGE_CHANNELS : widthOf(level - 1);
    return convolution(make, `bare${level}`, { from, to: widthOf(level), size: 2, stride: 2, padding: 'valid', onImages: level === 1 });
  });
  const top = duckBlock(make, 'down0', IMAGE_CHANNELS, width);
  const down = levels.map((level) => ({
    halve: convolution(make, `halve${level}`, { from: widthOf(level - 1), to: widthOf(level), size: 2, stride: 2, padding: 'valid' }),
    block: level < LEVELS ? duckBlock(make, `down${level}`, widthOf(level), widthOf(level)) : undefined,
  }));
  const bottom = [
    resnetBlocks(make, 'bottom1', 2, { from: widthOf(LEVELS), to: widthOf(LEVELS), normalizedSkip: true }),
    resnetBlocks(make, 'bottom2', 2, { from: widthOf(LEVELS), to: widthOf(LEVELS - 1), normalizedSkip: true }),
  ];
  const up = levels.map((level) => duckBlock(make, `up${level - 1}`, widthOf(level - 1), widthOf(level - 2))).reverse();
  const answer = head(make, 'head', width, classes);

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    let x = top(tf.concat4d([images, images, images], 3), training);
    let raw = images;
    const skips: Tensor4D[] = [];
    for (const [index, { halve, block }] of down.entries()) {
      skips.push(x);
      raw = bare[index]?.(raw) ?? raw;
      const joined: Tensor4D = tf.add(halve(x), raw);
      x = block ? block(joined, training) : joined;
    }
    for (const residual of bottom) x = residual(x, training);
    for (const block of up) x = block(tf.add(upsampleNearest2x(x), skips.pop() as Tensor4D), training);
    return [answer(x)];
  };
}

/** Length of the separated kernels. */
const SEPARATED = 3;

/**
 * Deep Understanding Convolutional Kernel: normalisation, the sum of six branches (wide scope: dilations 1-2-3; mid scope: dilations 1-2;
 * one, two and three residual blocks; a kernel separated into 1×3 and 3×1), then normalisation.
 */
function duckBlock(make: VariableMaker, name: string, from: number, to: number): Layer {
  const before = norm(make, `${name}/before`, from);
  const residual = { from, to, normalizedSkip: true };
  const across = convReluNorm(make, `${name}/separated/1`, { from, to, size: [1, SEPARATED] });
  const along = convReluNorm(make, `${name}/separated/2`, { from: to, to, size: [SEPARATED, 1] });
  const branches: Layer[] = [
    atrousChain(make, `${name}/wide`, { from, to, length: 3 }),
    atrousChain(make, `${name}/mid`, { from, to, length: 2 }),
    resnetBlocks(make, `${name}/residual1`, 1, residual),
    resnetBlocks(make, `${name}/residual2`, 2, residual),
    resnetBlocks(make, `${name}/residual3`, 3, residual),
    (x, training) => along(across(x, training), training),
  ];
  const after = norm(make, `${name}/after`, to);
  return (x, training) =>
    tf.tidy(() => {
      const even = before(x, training);
      return after(tf.addN(branches.map((branch) => branch(even, training))) as Tensor4D, training);
    });
}
