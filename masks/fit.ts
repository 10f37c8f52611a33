import { MaskError } from './mask-error.ts';

/**
 * How an image of any size is placed in a square: scaled by one factor and centred, never distorted. Square pixel i covers the image from
 * `i * scale + offset` to `(i + 1) * scale + offset`, in image pixels from the outer EDGE of the image (the centre of image pixel 0 is at
 * 0.5). Image resizing, coverage targets and the way back from logits all use this rule, so none of them is shifted.
 */
export type Fit = { readonly size: number; readonly scale: number; readonly offsetX: number; readonly offsetY: number };

/** The fit of a `width` × `height` image into a `size` × `size` square. */
export function squareFit(width: number, height: number, size: number): Fit {
  const side = Math.max(width, height);
  return { size, scale: side / size, offsetX: (width - side) / 2, offsetY: (height - side) / 2 };
}

/** A square part of a square: its first column and row, and its side, in pixels of the square. */
export type Crop = { readonly left: number; readonly top: number; readonly size: number };

/** How an image that is fitted to a square is placed in a crop of that square. Pixels of the crop are pixels of the square. */
export function cropFit({ scale, offsetX, offsetY }: Fit, { left, top, size }: Crop): Fit {
  return { size, scale, offsetX: offsetX + left * scale, offsetY: offsetY + top * scale };
}

/** Throws a MaskError unless `out` has the shape `[size, size, channels]` and the channel exists. */
export function checkSquareTarget(size: number, out: Uint8Array, channel: number, channels: number): void {
  if (out.length !== size * size * channels) {
    throw new MaskError(`A target of shape [${size}, ${size}, ${channels}] has ${size * size * channels} bytes, not ${out.length}.`);
  }
  if (!Number.isInteger(channel) || channel < 0 || channel >= channels)
    throw new MaskError(`Channel ${channel} does not exist: there are ${channels} channels, numbered from 0.`);
}
