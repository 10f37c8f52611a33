import type { CropSpec } from '@carpal/configs/schema/experiment.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import type { Crop, Fit } from '@carpal/masks/fit.ts';
import type { Box } from '@carpal/masks/measure.ts';
import { outlineBox } from '@carpal/masks/outline-box.ts';
import { type Random, randomFor } from '@carpal/masks/random.ts';
import type { MovedOutlines } from './fill-target.ts';

/** What a crop is cut from: an image after its augmentation. */
export type CropSubject = {
  readonly moved: MovedOutlines;
  /** The indexes of the carpal bones. */
  readonly carpals: ReadonlySet<number>;
  /** The size of the radiograph and its position in the square. */
  readonly image: { readonly width: number; readonly height: number };
  readonly fit: Fit;
};

export type DrawnCrop = Crop & {
  /** The class that the crop was drawn for; undefined if its place was drawn from the whole image or from the wrist. */
  readonly classIndex?: number;
};

/**
 * The share of foreground crops that are drawn from the whole image. Without them, small crops would never show the places far from all
 * bones, and the network would invent bones there.
 */
const ANYWHERE = 0.25;
/** A polygon that fills so little of its box that none of these points is inside is represented by its vertices. */
const MOST_TRIES = 32;

/**
 * Draws a crop of `size` pixels from the square. Its centre is:
 * - foreground: in three of four crops, a uniform place inside the outline of a class, each visible class with the same probability;
 *   otherwise anywhere,
 * - uniform: anywhere in the radiograph,
 * - wrist: anywhere in the bounding box of the carpals.
 * Without a visible outline, the centre is anywhere in the radiograph. The crop is then moved into the radiograph, as far as it fits and
 * still shows that place. It is always inside the square.
 */
export function drawCrop({ size, sampling }: Pick<CropSpec, 'size' | 'sampling'>, subject: CropSubject, random: Random): DrawnCrop {
  const { image, fit } = subject;
  const spanX = imageSpan(image.width, fit.offsetX, fit);
  const spanY = imageSpan(image.height, fit.offsetY, fit);
  const centre = drawCentre(sampling, subject, random) ?? { x: random.range(...spanX), y: random.range(...spanY) };
  const { classIndex } = centre;
  const crop = { size, left: startOf(centre.x, size, spanX, fit.size), top: startOf(centre.y, size, spanY, fit.size) };
  return classIndex === undefined ? crop : { ...crop, classIndex };
}

/** The generator of the crop of one image in one epoch. Batches and previews both use this, so they draw the same crop. */
export function cropRandom(seed: number, epoch: number, imageName: string): Random {
  return randomFor(seed, 'crop', epoch, imageName);
}

/** A place of the square, in pixels from its corner. */
type Centre = { readonly x: number; readonly y: number; readonly classIndex?: number };

function drawCentre(sampling: CropSpec['sampling'], { moved, carpals }: CropSubject, random: Random): Centre | undefined {
  const toSquare = (x: number, y: number): Centre => ({
    x: (x + 0.5 - moved.fit.offsetX) / moved.fit.scale,
    y: (y + 0.5 - moved.fit.offsetY) / moved.fit.scale,
  });
  const isInside = ({ x, y }: Centre): boolean => x >= 0 && y >= 0 && x < moved.fit.size && y < moved.fit.size;
  const visible = moved.outlines.flatMap((outline, classIndex) => {
    const vertices = verticesOf(outline).filter(([x, y]) => isInside(toSquare(x, y)));
    return vertices.length === 0 ? [] : [{ outline, classIndex, vertices }];
  });
  if (sampling === 'wrist') {
    const box = outlineBox(...visible.filter(({ classIndex }) => carpals.has(classIndex)).map(({ vertices }) => vertices.flat()));
    return box && toSquare(random.range(box.left, box.right), random.range(box.top, box.bottom));
  }
  if (sampling === 'uniform' || random.next() < ANYWHERE) return undefined;
  const drawn = visible[random.integer(visible.length)];
  if (drawn === undefined) return undefined;
  const { outline, classIndex, vertices } = drawn;
  const box = outlineBox(outline) as Box;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const [x, y] = [random.range(box.left, box.right), random.range(box.top, box.bottom)];
    const place = toSquare(x, y);
    if (isInside(place) && contains(outline, x, y)) return { ...place, classIndex };
  }
  const [x, y] = vertices[random.integer(vertices.length)] as readonly [number, number];
  return { ...toSquare(x, y), classIndex };
}

/** The part of the square that the radiograph covers along one axis, in pixels. */
function imageSpan(length: number, offset: number, { scale, size }: Fit): [from: number, to: number] {
  return [Math.max(0, -offset / scale), Math.min(size, (length - offset) / scale)];
}

/** The first pixel of a crop around `centre`, inside the span if the crop fits into it and still contains the centre. */
function startOf(centre: number, size: number, [from, to]: readonly [number, number], side: number): number {
  // A crop that is larger than the radiograph shows all of it.
  const ends = [Math.floor(from), Math.ceil(to) - size];
  const [least, most] = [Math.max(0, Math.min(...ends)), Math.min(side - size, Math.max(...ends))];
  const place = Math.floor(centre);
  const inSpan = Math.min(Math.max(Math.round(centre - size / 2), least), most);
  return Math.min(Math.max(Math.min(inSpan, place), place - size + 1, 0), side - size);
}

function verticesOf(outline: Polygon): (readonly [x: number, y: number])[] {
  return Array.from({ length: outline.length >> 1 }, (_, index) => [outline[2 * index] as number, outline[2 * index + 1] as number]);
}

/** Whether a ray from the point crosses the outline an odd number of times. */
function contains(outline: Polygon, x: number, y: number): boolean {
  let isInside = false;
  for (let i = 0, before = outline.length - 2; i + 1 < outline.length; before = i, i += 2) {
    const [fromX, fromY] = [outline[before] as number, outline[before + 1] as number];
    const [toX, toY] = [outline[i] as number, outline[i + 1] as number];
    if (fromY > y !== toY > y && x < fromX + ((toX - fromX) * (y - fromY)) / (toY - fromY)) isInside = !isInside;
  }
  return isInside;
}
