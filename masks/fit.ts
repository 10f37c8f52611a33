import { MaskError } from './mask-error.ts';

/**
 * How a sheet of any size lies in a training square: scaled by one factor and centred, never distorted. Square pixel i covers the sheet
 * from `i * scale + offset` to `(i + 1) * scale + offset`, counted in sheet pixels from the sheet's outer EDGE (so the centre of sheet
 * pixel 0 is at 0.5). Image resize, coverage targets and the way back from logits all use this one rule, so none is shifted.
 */
export type Fit = { readonly size: number; readonly scale: number; readonly offsetX: number; readonly offsetY: number };

/** The fit of a `width` × `height` sheet into a `size` × `size` square. */
export function squareFit(width: number, height: number, size: number): Fit {
  const side = Math.max(width, height);
  return { size, scale: side / size, offsetX: (width - side) / 2, offsetY: (height - side) / 2 };
}

/** Throws a MaskError unless `out` is [size, size, channels] and has the channel. */
export function checkSquareTarget(size: number, out: Uint8Array, channel: number, channels: number): void {
  if (out.length !== size * size * channels) {
    throw new MaskError(`A target of shape [${size}, ${size}, ${channels}] has ${size * size * channels} bytes, not ${out.length}.`);
  }
  if (!Number.isInteger(channel) || channel < 0 || channel >= channels)
    throw new MaskError(`There is no channel ${channel} of ${channels}.`);
}
