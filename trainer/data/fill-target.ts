import type { InputSpec } from '@carpal/configs/schema/experiment.ts';
import { intersection } from '@carpal/masks/combine.ts';
import { addCoverage } from '@carpal/masks/coverage.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { Fit } from '@carpal/masks/fit.ts';
import { addNearest } from '@carpal/masks/nearest.ts';
import type { Polygon } from '@carpal/masks/polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { type Affine, IDENTITY, invert, translation, warpPolygon } from '@carpal/masks/warp.ts';
import { joinWarp, type Warp, warpOutline } from '@carpal/masks/warp-steps.ts';
import { type DrawnAugmentation, warpsAfterCuts } from './augmentations.ts';

/** Edges up to this fraction of the square's side are taken to bend too little to be seen: at 512 pixels, eight. */
const LONGEST_EDGE = 1 / 64;

/** What a pixel of a target says of a class: `area`, the share of it that the mask covers; `nearest`, whether the mask has its centre. */
export type TargetRule = InputSpec['targets'];

/**
 * Every polygon in its channel of `target`, [size, size, polygons], 0 … 255: the share of each pixel that its mask, outline included,
 * covers, or all or nothing as the mask has the sheet pixel under the centre. A moved polygon may come to lie beside the sheet but within
 * the square, where the moved image shows it too, so it is filled on a sheet that is as large as the square; an unmoved one ends where its
 * sheet ends, as its truth does. What the image has lost beyond the square between two movements its masks lose too.
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

/** The moved polygons, and the sheet that they are to be filled on. */
export function warpedOutlines(
  polygons: readonly Polygon[],
  image: { readonly width: number; readonly height: number },
  fit: Fit,
  warp: Warp,
): { outlines: readonly Polygon[]; width: number; height: number; fit: Fit } {
  const { width, height } = image;
  if (warp.length === 0) return { outlines: polygons, width, height, fit };
  const canvas = squareCanvas(image, fit);
  const onCanvas = joinWarp(warp, canvas.move);
  const longestEdge = LONGEST_EDGE * Math.max(width, height);
  return { ...canvas, outlines: polygons.map((polygon) => warpOutline(polygon, onCanvas, longestEdge)) };
}

/** Where a movement brings what lies in the square, as a mask on the square's canvas. */
function movedSquare(image: { readonly width: number; readonly height: number }, fit: Fit, warp: Warp): RleMask {
  const { width, height, move } = squareCanvas(image, fit);
  const corners = warpPolygon([0, 0, width - 1, 0, width - 1, height - 1, 0, height - 1], invert(move));
  return fillPolygon(warpOutline(corners, joinWarp(warp, move), LONGEST_EDGE * Math.max(width, height)), width, height);
}

/** A sheet that covers the whole square: where it is, how it lies, and how far the old sheet's coordinates move. Whole pixels only. */
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
