import { runKernel, typeAttribute } from '../kernels.ts';
import type { Tensor } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

const T = [typeAttribute('T')];

/** max(x, 0). The gradient is one ReluGrad kernel on the output, so the input need not be kept (tfjs: Step, Cast, Mul on the input). */
export function relu<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const value = runKernel<Shape>('Relu', T, [x]);
    return { value, saved: [value], gradient: (dy, saved) => [runKernel('ReluGrad', T, [dy, ...saved])] };
  });
}
