import { dropout } from '../../engine/ops/dropout.ts';
import type { Tensor, Tensor4D } from '../../engine/tensorflow.ts';

/** Drops in training, where a step has a seed, and does nothing otherwise. */
type Dropout = (x: Tensor4D, seed: Tensor | undefined) => Tensor4D;

/** Makes a network's dropout layers, each with a place, and so with random numbers, of its own. */
export function dropoutMaker(rate: number): () => Dropout {
  let places = 0;
  return () => {
    const place = places++;
    return (x, seed) => (seed === undefined ? x : dropout(x, { rate, seed, place }));
  };
}
