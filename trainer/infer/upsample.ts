import type { Fit } from '@carpal/masks/fit.ts';
import { RleBuilder } from '@carpal/masks/rle-builder.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { type Axis, IN, OUT, ProbabilityField, type Segment } from './probability-field.ts';

/** One network's answer for one image: logits [size, size, classes] in the training square, and its weight in the mean. */
export type LogitMap = { readonly logits: Float32Array; readonly weight: number };

export type LogitsToMask = {
  readonly maps: readonly LogitMap[];
  readonly classIndex: number;
  readonly classes: number;
  readonly fit: Fit;
  readonly width: number;
  readonly height: number;
  /** Between 0 and 1, both excluded: a pixel belongs to the mask when its mean probability is greater. */
  readonly threshold: number;
};

function axisOf(length: number, offset: number, fit: Fit): Axis {
  const lower = new Uint16Array(length);
  const fraction = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const at = Math.min(Math.max((i + 0.5 - offset) / fit.scale - 0.5, 0), fit.size - 1);
    const floor = Math.min(Math.floor(at), Math.max(fit.size - 2, 0));
    lower[i] = floor;
    fraction[i] = at - floor;
  }
  return { lower, fraction };
}

function planeOf(logits: Float32Array, classIndex: number, classes: number, size: number): Float32Array {
  const plane = new Float32Array(size * size);
  for (let i = 0, from = classIndex; i < plane.length; i++, from += classes) plane[i] = logits[from] as number;
  return plane;
}

/**
 * The mask of one class at the sheet's own size. Each sheet pixel takes the bilinear value (half-pixel centres, clamped at the square's
 * edge) of every map; its sigmoids are averaged by weight, and it is in when the mean is greater than the threshold. With one map the
 * logit itself is compared with the threshold's logit.
 *
 * Between four neighbouring logits a bilinear value never leaves their range, so most cells are settled by their corners and filled
 * whole; only cells that the outline crosses are evaluated pixel by pixel. The result is that of evaluating every pixel.
 */
export function logitsToMask(request: LogitsToMask): RleMask {
  const { maps, classIndex, classes, fit, width, height, threshold } = request;
  const planes = maps.map((map) => planeOf(map.logits, classIndex, classes, fit.size));
  const field = new ProbabilityField(planes, maps, fit.size, threshold);
  const columns = axisOf(width, fit.offsetX, fit);
  const rows = axisOf(height, fit.offsetY, fit);
  const cellStart = firstPixelOfCells(columns.lower, fit.size, width);
  const builder = new RleBuilder();
  let band: Segment[] = [];
  let bandRow = -1;
  for (let y = 0; y < height; y++) {
    const lowerRow = rows.lower[y] as number;
    if (lowerRow !== bandRow) {
      band = segmentsOf(field, lowerRow, cellStart);
      bandRow = lowerRow;
    }
    if (band.length === 0) continue;
    const start = y * width;
    for (const segment of band) {
      if (segment.state === IN) builder.add(start + segment.from, start + segment.to);
      else field.evaluate(lowerRow, rows.fraction[y] as number, columns, segment, start, builder);
    }
  }
  return builder.finish(width, height);
}

/** For each cell the first sheet column in it; one more entry ends the last. */
function firstPixelOfCells(lower: Uint16Array, size: number, width: number): Uint32Array {
  const start = new Uint32Array(Math.max(size - 1, 1) + 1).fill(width);
  for (let x = width - 1; x >= 0; x--) start[lower[x] as number] = x;
  for (let cell = start.length - 2; cell >= 0; cell--) start[cell] = Math.min(start[cell] as number, start[cell + 1] as number);
  return start;
}

function segmentsOf(field: ProbabilityField, row: number, cellStart: Uint32Array): Segment[] {
  const segments: Segment[] = [];
  const [first, last] = field.reach(row);
  let open: Segment | undefined;
  for (let cell = first; cell <= last; cell++) {
    const from = cellStart[cell] as number;
    const to = cellStart[cell + 1] as number;
    if (from === to) continue;
    const state = field.cellState(row, cell);
    if (state === OUT) open = undefined;
    else if (open?.state === state) open.to = to;
    else {
      open = { from, to, state };
      segments.push(open);
    }
  }
  return segments;
}
