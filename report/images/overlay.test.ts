import { loadClasses } from '@carpal/configs/classes.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { emptyMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { CLASS_COLOURS, classColour } from '../dataset/bone-classes.ts';
import { LEGEND_WIDTH } from './legend.ts';
import { OVERLAY_SIZE, type Overlay, overlayPng } from './overlay.ts';
import { rgbOf } from './paint-mask.ts';
import { strokeText } from './stroke-font.ts';

const classes = loadClasses('hand-bones');

/** An overlay with a square of class `index` in the middle of a black image. */
function overlayOf(width: number, height: number, index: number, extra: Partial<Overlay> = {}): Overlay {
  const [left, top, right, bottom] = [width / 4, height / 4, (width * 3) / 4, (height * 3) / 4];
  const square = fillPolygon([left, top, right, top, right, bottom, left, bottom], width, height);
  const masks = classes.map((_, at): RleMask => (at === index ? square : emptyMask(width, height)));
  const picture = { pixels: new Uint8Array(64 * 64), width: 64, height: 64 };
  return { picture, width, height, classes, masks, title: 'image1.png', ...extra };
}

async function decoded(png: Buffer): Promise<{ width: number; height: number; at: (x: number, y: number) => number[] }> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { ...info, at: (x, y) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)] };
}

describe('overlayPng', () => {
  it.each([
    ['scales large images down to 1024 pixels', 2048, 1024, OVERLAY_SIZE, 512],
    ['keeps the size of small images and adds room below for the legend', 300, 200, 300, 513],
  ])('%s', async (_, width, height, pictureWidth, least) => {
    const image = await decoded(await overlayPng(overlayOf(width, height, 0)));
    expect(image.width).toBe(pictureWidth + LEGEND_WIDTH);
    expect(image.height).toBeGreaterThanOrEqual(Math.min(least, 460));
  });

  it('fills a class translucently, outlines it in its colour, and leaves the rest unchanged', async () => {
    const image = await decoded(await overlayPng(overlayOf(1024, 1024, 27)));
    const colour = rgbOf(classColour(27));
    expect(image.at(512, 512)).toEqual(colour.map((value) => Math.round(value * 0.3)));
    const outline = image.at(256, 512);
    for (const [channel, value] of outline.entries()) expect(value).toBeGreaterThan((colour[channel] as number) * 0.85);
    expect(image.at(100, 100)).toEqual([0, 0, 0]);
  });

  it('draws the truth as a white dashed outline', async () => {
    const base = overlayOf(1024, 1024, 27);
    const image = await decoded(await overlayPng({ ...base, masks: base.masks.map(() => emptyMask(1024, 1024)), truth: base.masks }));
    const along = Array.from({ length: 40 }, (_, i) => (image.at(256, 400 + i)[0] ?? 0) > 100);
    expect(along).toContain(true);
    expect(along).toContain(false);
    expect(image.at(512, 512)).toEqual([0, 0, 0]);
  });

  it('draws every line of the legend without a system font', async () => {
    const image = await decoded(await overlayPng(overlayOf(1024, 1024, 3)));
    const hasInk = (top: number, bottom: number): boolean => {
      for (let y = top; y < bottom; y++) for (let x = 1024 + 60; x < 1024 + 140; x++) if ((image.at(x, y)[1] ?? 0) > 90) return true;
      return false;
    };
    expect(hasInk(14, 32)).toBe(true);
    for (let y = 60; y < 800; y += 45) expect(hasInk(y, y + 45)).toBe(true);
  });
});

describe('strokeText', () => {
  it('has a glyph for every character of class names, file names and notes', () => {
    const unknown = strokeText('\u2603', { x: 0, y: 10, capHeight: 10, colour: '#fff' }).svg.match(/d="([^"]+)"/)?.[1] ?? '';
    const text = `${classes.join('')} image1661130828152_R.png Dice 0.9312, test, of bones found dashed: truth ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz()+-/`;
    for (const character of text.replaceAll(' ', '')) {
      expect(strokeText(character, { x: 0, y: 10, capHeight: 10, colour: '#fff' }).svg, character).not.toContain(`d="${unknown}"`);
    }
  });
});

describe('CLASS_COLOURS', () => {
  it('has one distinguishable colour per bone', () => {
    expect(CLASS_COLOURS.length).toBe(classes.length);
    const places = CLASS_COLOURS.map((colour) => oklab(rgbOf(colour)));
    for (const [i, a] of places.entries()) {
      for (const b of places.slice(i + 1)) expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeGreaterThan(0.11);
    }
  });
});

/** Converts sRGB to OKLab (Ottosson 2020), where distances match perceived differences. */
function oklab(rgb: readonly [number, number, number]): [number, number, number] {
  const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
