import type { Answering } from './image-logits.ts';
import { sidesOf, viewOf } from './view.ts';
import { squareSizeOf, type Viewing } from './viewing.ts';
import { windowStarts } from './windows.ts';

/** How many pixels a network is shown of one image, in all views and windows together: what its answer takes grows with them. */
export function pixelsShown({ inputSize, sizeMultiple }: Pick<Answering, 'inputSize' | 'sizeMultiple'>, viewing: Viewing): number {
  const { views, window } = viewing;
  const square = squareSizeOf(viewing, inputSize);
  const sides = sidesOf(viewing, sizeMultiple);
  const pixels = views.map((name) => {
    const side = viewOf(name, square, viewing, sides).size;
    return (window ? windowStarts(side, window.size, window.stride).length * window.size : side) ** 2;
  });
  return pixels.reduce((sum, count) => sum + count, 0);
}
