import { area } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import sharp, { type Sharp } from 'sharp';
import { classColour } from '../dataset/bone-classes.ts';
import { LEGEND_WIDTH, type Legend, legendHeight, legendSvg } from './legend.ts';
import { type Canvas, paintMask, rgbOf } from './paint-mask.ts';

/** A grey image at any resolution with the radiograph's aspect ratio: the original, or the image at training size. */
export type GreyPicture = { readonly pixels: Uint8Array; readonly width: number; readonly height: number };

export type Overlay = {
  readonly picture: GreyPicture;
  /** The radiograph's own size, which is the size of the masks. */
  readonly width: number;
  readonly height: number;
  readonly classes: readonly string[];
  /** One per class, in class order. */
  readonly masks: readonly RleMask[];
  /** The true masks, drawn as dashed white outlines. */
  readonly truth?: readonly RleMask[];
  readonly title: string;
  readonly notes?: readonly string[];
  /** Dice per class, shown next to its name. */
  readonly dice?: readonly number[];
};

/** The longer side of the radiograph in an overlay, in pixels. */
export const OVERLAY_SIZE = 1024;
export const OVERLAY_PNG = { compressionLevel: 8 } as const;
/** For images inside a page: a tenth of the PNG's size. */
export const OVERLAY_JPEG = { quality: 84, mozjpeg: true } as const;
const GROUND = { r: 0x14, g: 0x17, b: 0x1c };
const FILL = 0.3;
const WHITE = rgbOf('#ffffff');

/**
 * Draws the radiograph (at most 1024 pixels per side) with every class filled translucently and outlined in its colour, and a legend on the
 * right. Returns a sharp image to encode as PNG or JPEG. Small images are not enlarged; only their background is extended if the legend
 * needs more height.
 */
export async function drawOverlay(overlay: Overlay): Promise<Sharp> {
  const longer = Math.max(overlay.width, overlay.height);
  const scale = Math.min(OVERLAY_SIZE, longer) / longer;
  const canvas = await canvasOf(
    overlay.picture,
    Math.max(1, Math.round(overlay.width * scale)),
    Math.max(1, Math.round(overlay.height * scale)),
  );
  const largestFirst = overlay.masks
    .map((_, index) => index)
    .sort((a, b) => area(overlay.masks[b] as RleMask) - area(overlay.masks[a] as RleMask));
  for (const index of largestFirst) {
    paintMask(canvas, overlay.masks[index] as RleMask, { colour: rgbOf(classColour(index)), fill: FILL, outline: 0.9 });
  }
  for (const truth of overlay.truth ?? []) paintMask(canvas, truth, { colour: WHITE, fill: 0, outline: 0.8, dashed: true });
  const legend = legendOf(overlay);
  const height = Math.max(canvas.height, legendHeight(legend));
  return sharp(canvas.pixels, { raw: { width: canvas.width, height: canvas.height, channels: 3 } })
    .extend({ right: LEGEND_WIDTH, bottom: height - canvas.height, background: GROUND })
    .composite([{ input: Buffer.from(legendSvg(legend, height)), left: canvas.width, top: 0 }]);
}

/** The overlay as PNG bytes. */
export async function overlayPng(overlay: Overlay): Promise<Buffer> {
  return (await drawOverlay(overlay)).png(OVERLAY_PNG).toBuffer();
}

async function canvasOf(picture: GreyPicture, width: number, height: number): Promise<Canvas> {
  const pixels = await sharp(picture.pixels, { raw: { width: picture.width, height: picture.height, channels: 1 } })
    .resize(width, height, { fit: 'fill', kernel: 'lanczos3' })
    .normalise({ lower: 0, upper: 99.8 })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return { width, height, pixels };
}

function legendOf(overlay: Overlay): Legend {
  return {
    title: overlay.title,
    notes: [...(overlay.notes ?? []), ...(overlay.truth ? ['dashed: truth'] : [])],
    classes: overlay.classes,
    values: overlay.classes.map((_, index) => overlay.dice?.[index]?.toFixed(3)),
    present: overlay.masks.map((mask) => mask.bounds.length > 0),
  };
}
