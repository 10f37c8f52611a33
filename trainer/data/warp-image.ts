import type { Fit } from '@carpal/masks/fit.ts';
import { type Affine, compose, invert } from '@carpal/masks/warp.ts';

/** The map from square pixels to sheet pixels, both counted at their centres. */
export function squareToSheet({ scale, offsetX, offsetY }: Fit): Affine {
  return [scale, 0, scale / 2 + offsetX - 0.5, 0, scale, scale / 2 + offsetY - 0.5];
}

/** A buffer that {@link warpImage} can use again and again for images of one size: a frame of black lies around the image. */
export function warpScratch(size: number): Float32Array {
  return new Float32Array((size + 3) * (size + 3));
}

/**
 * Moves a square grey image by `geometry`, a map of sheet coordinates, and looks its grey levels up, into `out[at …]`. Bilinear between
 * pixel centres; what comes from outside the square is black (`levels[0]`).
 */
export function warpImage(
  image: Uint8Array,
  { fit, geometry, levels, scratch }: { fit: Fit; geometry: Affine; levels: Float32Array; scratch: Float32Array },
  out: Float32Array,
  at: number,
): void {
  const { size } = fit;
  const toSheet = squareToSheet(fit);
  // Where an output pixel comes from: up to the sheet, back through the movement, down to the square again.
  const [a, b, c, d, e, f] = compose(compose(invert(toSheet), invert(geometry)), toSheet);
  const stride = size + 3;
  frameImage(image, size, levels, scratch);
  let to = at;
  for (let y = 0; y < size; y++) {
    // The frame is one pixel wide before the image and two behind it, so a position held within it needs no further test.
    const rowX = b * y + c + 1;
    const rowY = e * y + f + 1;
    for (let x = 0; x < size; x++) {
      const sourceX = Math.min(Math.max(a * x + rowX, 0), size + 1);
      const sourceY = Math.min(Math.max(d * x + rowY, 0), size + 1);
      const left = sourceX | 0;
      const top = sourceY | 0;
      const shareX = sourceX - left;
      const shareY = sourceY - top;
      const i = top * stride + left;
      const p = scratch[i] as number;
      const q = scratch[i + 1] as number;
      const r = scratch[i + stride] as number;
      const s = scratch[i + stride + 1] as number;
      const upper = p + shareX * (q - p);
      const lower = r + shareX * (s - r);
      out[to++] = upper + shareY * (lower - upper);
    }
  }
}

/** Looks the grey levels up and lays black around them. */
function frameImage(image: Uint8Array, size: number, levels: Float32Array, framed: Float32Array): void {
  const stride = size + 3;
  const black = levels[0] as number;
  framed.fill(black, 0, stride);
  framed.fill(black, (size + 1) * stride);
  for (let y = 0; y < size; y++) {
    let i = (y + 1) * stride;
    framed[i++] = black;
    for (let x = y * size; x < (y + 1) * size; x++) framed[i++] = levels[image[x] as number] as number;
    framed[i] = black;
    framed[i + 1] = black;
  }
}
