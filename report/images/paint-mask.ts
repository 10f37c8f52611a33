import { addCoverage } from '@carpal/masks/coverage.ts';
import type { Fit } from '@carpal/masks/fit.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';

export type Rgb = readonly [red: number, green: number, blue: number];

/** Converts `#rrggbb` to three bytes. */
export function rgbOf(colour: string): Rgb {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** An RGB image to paint on: `width` × `height` × 3 bytes. */
export type Canvas = { readonly width: number; readonly height: number; readonly pixels: Uint8Array };

export type MaskStyle = {
  readonly colour: Rgb;
  /** Opacity of the area, 0 to 1. */
  readonly fill: number;
  /** Opacity of the outline, 0 to 1. The outline is two pixels wide. */
  readonly outline: number;
  /** Whether the outline is dashed. */
  readonly dashed?: boolean;
};

const DASH = 5;

/** How much of each canvas pixel the mask covers, 0 to 255, [size, size] with `size` the canvas' longer side. */
function coverageOf(mask: RleMask, size: number): Uint8Array {
  const scale = Math.max(mask.width, mask.height) / size;
  const fit: Fit = { size, scale, offsetX: 0, offsetY: 0 };
  const coverage = new Uint8Array(size * size);
  addCoverage(mask, fit, coverage, 0, 1);
  return coverage;
}

/**
 * Paints a mask over the canvas, scaled from the whole image to the canvas: a translucent area and an outline. Both have smooth edges
 * because they follow the coverage of each pixel.
 */
export function paintMask(canvas: Canvas, mask: RleMask, style: MaskStyle): void {
  if (mask.bounds.length === 0) return;
  const size = Math.max(canvas.width, canvas.height);
  const coverage = coverageOf(mask, size);
  const [top, bottom] = rowsOf(mask, canvas.height);
  for (let y = top; y < bottom; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const at = y * size + x;
      const edge = edgeAt(coverage, at, x, y, canvas, size);
      const inside = coverage[at] as number;
      if (edge === 0 && inside === 0) continue;
      const gap = style.dashed === true && Math.floor((x + y) / DASH) % 2 === 1;
      const outline = gap ? 0 : (edge / 255) * style.outline;
      blend(canvas.pixels, (y * canvas.width + x) * 3, style.colour, outline + (1 - outline) * (inside / 255) * style.fill);
    }
  }
}

/** The canvas rows [first, last) that the mask can touch, with a margin for the outline. */
function rowsOf(mask: RleMask, height: number): readonly [number, number] {
  const scale = height / mask.height;
  const first = Math.floor((mask.bounds[0] as number) / mask.width);
  const last = Math.floor(((mask.bounds.at(-1) as number) - 1) / mask.width);
  return [Math.max(0, Math.floor(first * scale) - 2), Math.min(height, Math.ceil((last + 1) * scale) + 2)];
}

/** The range of the coverage among a pixel and its neighbours: 255 on the border of the mask, 0 away from it. */
function edgeAt(coverage: Uint8Array, at: number, x: number, y: number, canvas: Canvas, size: number): number {
  let least = coverage[at] as number;
  let most = least;
  const [fromX, toX] = [x > 0 ? -1 : 0, x + 1 < canvas.width ? 1 : 0];
  const [fromY, toY] = [y > 0 ? -1 : 0, y + 1 < canvas.height ? 1 : 0];
  for (let dy = fromY; dy <= toY; dy++) {
    for (let dx = fromX; dx <= toX; dx++) {
      const value = coverage[at + dy * size + dx] as number;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return most - least;
}

function blend(pixels: Uint8Array, at: number, colour: Rgb, opacity: number): void {
  for (let channel = 0; channel < 3; channel++) {
    const below = pixels[at + channel] as number;
    pixels[at + channel] = Math.round(below + ((colour[channel] as number) - below) * opacity);
  }
}
