import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import sharp, { type OverlayOptions } from 'sharp';
import { classColour } from '../dataset/bone-classes.ts';
import { paintMask, rgbOf } from './paint-mask.ts';
import { strokeText } from './stroke-font.ts';

/** One square image with outlines and lines of text below. */
export type Tile = {
  /** Grey values in 0..1, [size, size]. */
  readonly image: Float32Array;
  readonly size: number;
  /** One per class, in class order, on a canvas of width × height that the image fills. */
  readonly outlines: readonly Polygon[];
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly notes: readonly string[];
};

const [SMALLEST, LARGEST] = [256, 512];
const GAP = 12;
const LINE = 17;
const GROUND = { r: 0x14, g: 0x17, b: 0x1c };
const [BRIGHT, DIM] = ['#f2f4f7', '#aab2bd'];

/** The tiles in rows of at most `columns` below a title, as PNG bytes. Images have at most 512 pixels per side. */
export async function contactSheetPng(title: string, tiles: readonly Tile[], columns: number): Promise<Buffer> {
  const side = Math.max(SMALLEST, Math.min(LARGEST, ...tiles.map(({ size }) => size)));
  const lines = 1 + Math.max(...tiles.map(({ notes }) => notes.length));
  const [across, down] = [Math.min(columns, tiles.length), Math.ceil(tiles.length / columns)];
  const [stepX, stepY] = [side + GAP, side + GAP + lines * LINE + 6];
  const [width, height] = [GAP + across * stepX, GAP + 2 * LINE + down * stepY];
  const texts = [line(title, GAP, GAP + LINE, BRIGHT, width - 2 * GAP, true)];
  const pictures: OverlayOptions[] = [];
  for (const [index, tile] of tiles.entries()) {
    const left = GAP + (index % across) * stepX;
    const top = GAP + 2 * LINE + Math.floor(index / across) * stepY;
    pictures.push({ input: await picture(tile, side), raw: { width: side, height: side, channels: 3 }, left, top });
    for (const [at, text] of [tile.title, ...tile.notes].entries())
      texts.push(line(text, left, top + side + (at + 1) * LINE, at === 0 ? BRIGHT : DIM, side, at === 0));
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: GROUND } })
    .composite([...pictures, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png({ compressionLevel: 8 })
    .toBuffer();
}

/** The image with the outline of every class in its colour, `side` × `side` × 3 bytes. */
async function picture({ image, size, outlines, width, height }: Tile, side: number): Promise<Buffer> {
  const bytes = Uint8Array.from(image, (value) => value * 255 + 0.5);
  const pixels = await sharp(bytes, { raw: { width: size, height: size, channels: 1 } })
    .resize(side, side, { kernel: 'lanczos3' })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  const canvas = { width: side, height: side, pixels };
  for (const [index, outline] of outlines.entries()) {
    if (outline.length === 0) continue;
    paintMask(canvas, fillPolygon(outline, width, height), { colour: rgbOf(classColour(index)), fill: 0.08, outline: 0.9 });
  }
  return pixels;
}

/** A line of text, scaled down if it is wider than `room`. */
function line(text: string, x: number, y: number, colour: string, room: number, bold: boolean): string {
  const { width } = strokeText(text, { x, y, capHeight: 9, colour });
  return strokeText(text, { x, y, capHeight: 9 * Math.min(1, room / width), colour, bold }).svg;
}
