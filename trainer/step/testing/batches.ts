import { randomFor } from '@carpal/masks/random.ts';
import type { StepBatch } from '../step.ts';

export type BatchForm = { readonly classes: number; readonly size: number; readonly count?: number };

/** Noise, different for each index. Class c covers the pixels that are brighter than c / classes, so the network can learn it. */
export function noiseBatch(index: number, { classes, size, count = 2 }: BatchForm): StepBatch {
  const random = randomFor(7, 'batch', index);
  const images = Float32Array.from({ length: count * size * size }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * classes }, (_, at) =>
    (images[Math.floor(at / classes)] ?? 0) > (at % classes) / classes ? 255 : 0,
  );
  return { images, targets, count, size };
}
