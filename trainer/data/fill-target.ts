import type { InputSpec } from '@carpal/configs/schema/experiment.ts';
import { intersection } from '@carpal/masks/combine.ts';
import { addCoverage } from '@carpal/masks/coverage.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { type Crop, cropFit, type Fit } from '@carpal/masks/fit.ts';
import { addNearest } from '@carpal/masks/nearest.ts';
import { outlineBox } from '@carpal/masks/outline-box.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { type Affine, IDENTITY, invert, joinWarp, translation, type Warp, warpOutline, warpPolygon } from '@carpal/masks/warp.ts';
import { type DrawnAugmentation, warpsAfterCuts } from './augmentations.ts';

/** Edges up to this fraction of the square's side bend too little to see: eight pixels at 512. */
const LONGEST_EDGE = 1 / 64;

/** The meaning of a target pixel: with `area`, how much of it the mask covers; with `nearest`, whether the mask contains its centre. */
export type TargetRule = InputSpec['targets'];

/**
 * Writes every polygon into its channel of `target`, [size, size, polygons], 0..255. With the rule `area`, a value is the share of the
 * pixel that the mask (including its outline) covers. With `nearest`, it is 255 if the mask contains the image pixel under the centre,
 * otherwise 0.
 * A moved polygon may leave the radiograph but stay inside the square, where the moved image shows it too. It is therefore filled on a
 * canvas as large as the square. An unmoved polygon ends at the edge of the radiograph, as its truth does. Where a movement takes a part of
 * the image outside the square, the masks lose this part too.
 */
export function fillTarget(
  polygons: readonly Polygon[],
  image: { readonly width: number; readonly height: number },
  fit: Fit,
  { passes, warp }: Pick<DrawnAugmentation, 'passes' | 'warp'>,
  target: Uint8Array,
  rule: TargetRule = 'area',
): void {
  const add = rule === 'area' ? addCoverage : addNearest;
  const { outlines, width, height, fit: canvasFit } = warpedOutlines(polygons, image, fit, warp);
  const kept = warpsAfterCuts(passes).map((later) => movedSquare(image, fit, later));
  outlines.forEach((outline, channel) => {
    if (outline.length === 0) return;
    const mask = kept.reduce((left, square) => intersection(left, square), fillPolygon(outline, width, height));
    add(mask, canvasFit, target, channel, polygons.length);
  });
}

/**
 * Writes the part of every moved outline that a crop shows into its channel of `target`, [crop size, crop size, outlines], as {@link
 * fillTarget} does for the whole square.
 */
export function fillCrop({ outlines, width, height, fit }: MovedOutlines, crop: Crop, target: Uint8Array, rule: TargetRule): void {
  const add = rule === 'area' ? addCoverage : addNearest;
  const shown = cropFit(fit, crop);
  const side = crop.size * fit.scale;
  outlines.forEach((outline, channel) => {
    const box = outlineBox(outline);
    if (box === undefined || box.right < shown.offsetX - 1 || box.bottom < shown.offsetY - 1) return;
    if (box.left > shown.offsetX + side || box.top > shown.offsetY + side) return;
    add(fillPolygon(outline, width, height), shown, target, channel, outlines.length);
  });
}

/** The outlines of all classes after all movements, and the canvas to fill them on. `fit` is the position of the canvas in the square. */
export type MovedOutlines = { readonly outlines: readonly Polygon[]; readonly width: number; readonly height: number; readonly fit: Fit };

/** The moved polygons, and the canvas to fill them on. */
export function warpedOutlines(
  polygons: readonly Polygon[],
  image: { readonly width: number; readonly height: number },
  fit: Fit,
  warp: Warp,
): MovedOutlines {
  const { width, height } = image;
  if (warp.length === 0) return { outlines: polygons, width, height, fit };
  const canvas = squareCanvas(image, fit);
  const onCanvas = joinWarp(warp, canvas.move);
  const longestEdge = LONGEST_EDGE * Math.max(width, height);
  return { ...canvas, outlines: polygons.map((polygon) => warpOutline(polygon, onCanvas, longestEdge)) };
}

/** The content of the square after a movement, as a mask on the square's canvas. */
function movedSquare(image: { readonly width: number; readonly height: number }, fit: Fit, warp: Warp): RleMask {
  const { width, height, move } = squareCanvas(image, fit);
  const corners = warpPolygon([0, 0, width - 1, 0, width - 1, height - 1, 0, height - 1], invert(move));
  return fillPolygon(warpOutline(corners, joinWarp(warp, move), LONGEST_EDGE * Math.max(width, height)), width, height);
}

/** A canvas that covers the whole square: its size, its fit, and the translation from the image's coordinates, in whole pixels. */
function squareCanvas(
  { width, height }: { readonly width: number; readonly height: number },
  fit: Fit,
): { width: number; height: number; fit: Fit; move: Affine } {
  const [left, top] = [Math.ceil(-fit.offsetX), Math.ceil(-fit.offsetY)];
  return {
    width: width + 2 * left,
    height: height + 2 * top,
    fit: { ...fit, offsetX: fit.offsetX + left, offsetY: fit.offsetY + top },
    move: left === 0 && top === 0 ? IDENTITY : translation(left, top),
  };
}
