import { booleanAttribute, runKernel, typeAttribute } from '../kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';
import { shapeTensor } from './conv2d.ts';

const ATTRIBUTES = [typeAttribute('T'), booleanAttribute('align_corners', false), booleanAttribute('half_pixel_centers', true)];

/**
 * Twice the height and width by bilinear interpolation with aligned half-pixel centres (PyTorch: align_corners=False; OpenCV: INTER_LINEAR),
 * so that nothing shifts between the levels of a network. tfjs's own gradient ignores where the centres lie; this one does not.
 */
export function upsampleBilinear2x(x: Tensor4D): Tensor4D {
  const [, height, width] = x.shape;
  return withGradient<Tensor4D>([x], () => ({
    value: runKernel<Tensor4D>('ResizeBilinear', ATTRIBUTES, [x, shapeTensor([2 * height, 2 * width])]),
    saved: [x],
    gradient: (dy, saved) => [runKernel('ResizeBilinearGrad', ATTRIBUTES, [dy, ...saved])],
  }));
}

/** Twice the height and width, each pixel repeated in a 2×2 tile; the gradient is the sum over the tile. */
export function upsampleNearest2x(x: Tensor4D): Tensor4D {
  const [, height, width] = x.shape;
  return withGradient<Tensor4D>([x], () => ({
    value: runKernel<Tensor4D>('ResizeNearestNeighbor', ATTRIBUTES, [x, shapeTensor([2 * height, 2 * width])]),
    saved: [],
    gradient: (dy) => [tf.tidy(() => tf.mul(tf.avgPool(dy, 2, 2, 'valid'), 4)) as Tensor],
  }));
}
