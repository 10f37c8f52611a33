import { upsampleNearest2x } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { duckBlock } from './duck/duck-block.ts';
import { resnetBlocks } from './duck/resnet-block.ts';
import { convolution } from './layers/convolution.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Channels of the images as the first kernels see them. */
const IMAGE_CHANNELS = 3;
/** Halvings from the images to the bottom. */
const LEVELS = 5;

/**
 * The original's DUCKNet: 33,726,163 parameters at width 16 and 29 classes, 38,067,625 at the paper's 17. After Dumitru, Peteleaza, Craciun:
 * "Using DUCK-Net for polyp image segmentation" (2023): five halvings by 2×2 convolutions at stride 2, to each of which a second chain of
 * such convolutions adds the bare images at that size; a DUCK block on every level, residual blocks at the bottom; on the way up each pixel
 * repeated in a 2×2 tile, the level's own features added (not set beside), and another DUCK block. As the original had it, the separated
 * kernels are of 3 pixels (the authors' code has 6) and the residual blocks' skips are normalised.
 */
export function buildDuckNet({ options, classes, seed }: ModelBuild): Model {
  const { width = 16 } = options;
  return defineModel({ name: 'DUCKNet', options: { width }, classes, sizeMultiple: 2 ** LEVELS }, (variables) =>
    duckNetLayers(variableMaker(seed, variables), classes, width),
  );
}

/** The layers with their variables; `width` is that of the first level, each further one doubles it. */
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
