import { runKernel, typeAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

const T = [typeAttribute('T')];

/** scale·relu(x)² + bias, both numbers learned (StarReLU: Yu et al. 2022, "MetaFormer Baselines for Vision"). */
export function starRelu<Shape extends Tensor>(x: Shape, scale: Tensor, bias: Tensor): Shape {
  return withGradient<Shape>([x, scale, bias], () => {
    const positive = runKernel('Relu', T, [x]);
    return {
      value: tf.add(tf.mul(tf.square(positive), scale), bias) as Shape,
      saved: [positive, scale],
      gradient: (dy, saved) => {
        const [kept, by] = saved as [Tensor, Tensor];
        const weighted = tf.mul(dy, kept);
        return [tf.mul(weighted, tf.mul(by, 2)), tf.reshape(tf.sum(tf.mul(weighted, kept)), by.shape), tf.reshape(tf.sum(dy), by.shape)];
      },
    };
  });
}
