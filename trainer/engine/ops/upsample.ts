import { booleanAttribute, runKernel, typeAttribute, withGradient } from '../kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { shapeTensor } from './conv2d.ts';

const placing = (corners: boolean) => [
  typeAttribute('T'),
  booleanAttribute('align_corners', corners),
  booleanAttribute('half_pixel_centers', !corners),
];
const CENTRES = placing(false);
const CORNERS = placing(true);

function resized(x: Tensor4D, factor: number, attributes: typeof CENTRES): Tensor4D {
  const [, height, width] = x.shape;
  return withGradient<Tensor4D>([x], () => ({
    value: runKernel<Tensor4D>('ResizeBilinear', attributes, [x, shapeTensor([factor * height, factor * width])]),
    saved: [x],
    gradient: (dy, saved) => [runKernel('ResizeBilinearGrad', attributes, [dy, ...saved])],
  }));
}

/**
 * Scales height and width by `factor` with bilinear interpolation and aligned half-pixel centres (PyTorch: align_corners=False; OpenCV:
 * INTER_LINEAR), so that nothing shifts between the levels of a network. tfjs's own gradient ignores the position of the centres; this
 * gradient respects it.
 */
export function upsampleBilinear(x: Tensor4D, factor: number): Tensor4D {
  return factor === 1 ? x : resized(x, factor, CENTRES);
}

/** Doubles height and width, with aligned half-pixel centres. */
export function upsampleBilinear2x(x: Tensor4D): Tensor4D {
  return upsampleBilinear(x, 2);
}

/**
 * Doubles height and width with bilinear interpolation in which the corner pixels stay in place (PyTorch: align_corners=True). Some
 * published networks were trained with it, although everything between the corners shifts by up to half a pixel.
 */
export function upsampleBilinear2xAligned(x: Tensor4D): Tensor4D {
  return resized(x, 2, CORNERS);
}

/** Doubles height and width by repeating each pixel in a 2×2 tile; the gradient is the sum over the tile. */
export function upsampleNearest2x(x: Tensor4D): Tensor4D {
  const [, height, width] = x.shape;
  return withGradient<Tensor4D>([x], () => ({
    value: runKernel<Tensor4D>('ResizeNearestNeighbor', CENTRES, [x, shapeTensor([2 * height, 2 * width])]),
    saved: [],
    gradient: (dy) => [tf.tidy(() => tf.mul(tf.avgPool(dy, 2, 2, 'valid'), 4)) as Tensor],
  }));
}
