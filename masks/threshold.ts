import { MaskError } from './mask-error.ts';
import type { Runs } from './runs.ts';
import { RunsBuilder } from './runs-builder.ts';
import { checkSheet } from './sheet.ts';

/** The pixels whose value is greater than the threshold; not-a-number is outside. `values` holds width × height numbers, row by row. */
export function runsFromProbabilities(values: Float32Array, width: number, height: number, threshold: number): Runs {
  checkSheet(width, height);
  const total = width * height;
  if (values.length !== total) throw new MaskError(`A ${width}×${height} map has ${total} values, not ${values.length}.`);
  const runs = new RunsBuilder();
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
