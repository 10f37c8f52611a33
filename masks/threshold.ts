import { checkImageSize } from './image-size.ts';
import { MaskError } from './mask-error.ts';
import { RleBuilder } from './rle-builder.ts';
import type { RleMask } from './rle-mask.ts';

/** The pixels whose value is greater than the threshold; not-a-number is outside. `values` holds width × height numbers, row by row. */
export function maskFromProbabilities(values: Float32Array, width: number, height: number, threshold: number): RleMask {
  checkImageSize(width, height);
  const total = width * height;
  if (values.length !== total) throw new MaskError(`A ${width}×${height} map has ${total} values, not ${values.length}.`);
  const runs = new RleBuilder();
  let pixel = 0;
  while (pixel < total) {
    // The test is written so that a comparison with not-a-number, always false, means outside.
    while (pixel < total && !((values[pixel] as number) > threshold)) pixel++;
    if (pixel === total) break;
    const start = pixel++;
    while (pixel < total && (values[pixel] as number) > threshold) pixel++;
    runs.add(start, pixel);
  }
  return runs.finish(width, height);
}
