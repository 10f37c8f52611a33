import { MaskError } from './mask-error.ts';

/**
 * A smooth deformation of the plane. The `columns` × `rows` control points are listed row by row. They are `spacing` apart, and the first
 * is at (left, top). The move of each place is a cubic B-spline of the control points around it. The field is defined in the direction that
 * image sampling needs: the warped image shows at q what was at q + move(q). Outside the grid, the outermost control points are repeated.
 */
export type WarpField = {
  readonly left: number;
  readonly top: number;
  readonly spacing: number;
  readonly columns: number;
  readonly rows: number;
  readonly moveX: Float64Array;
  readonly moveY: Float64Array;
};

/** The maximum difference between the moves of two places, as a fraction of their distance. Below 1 nothing folds. */
const MAX_BEND = 0.6;
/** The accuracy of moved vertices, in image pixels; filling rounds them to integers. */
const TOLERANCE = 1 / 16;
const MAX_ROUNDS = 64;

/**
 * The field, with smaller moves if it would fold the image. The derivative of a B-spline is a mean of the differences of neighbouring
 * control points divided by their spacing, so the greatest of these differences limits how much the moves of two places can differ. If they
 * differ by at most 0.6 of the distance (in the larger of the two directions), q + move(q) is different for different places, and its
 * inverse can be computed by iteration.
 */
export function unfoldedField(field: WarpField): WarpField {
  const { columns, rows, moveX, moveY, spacing } = field;
  if (moveX.length !== columns * rows || moveY.length !== columns * rows || !(spacing > 0))
    throw new MaskError(
      `A field of ${columns} × ${rows} control points needs one horizontal and one vertical move per control point, not ${moveX.length} and ${moveY.length}, and a spacing above 0.`,
    );
  const bend = Math.max(steepest(moveX, columns), steepest(moveY, columns)) / spacing;
  if (!(bend > MAX_BEND)) return field;
  const shrink = (moves: Float64Array): Float64Array => moves.map((move) => (move * MAX_BEND) / bend);
  return { ...field, moveX: shrink(moveX), moveY: shrink(moveY) };
}

/** The sum of the greatest difference to a right neighbour and the greatest to one below. */
function steepest(moves: Float64Array, columns: number): number {
  let [across, down] = [0, 0];
  for (let i = 0; i < moves.length; i++) {
    const move = moves[i] as number;
    if ((i + 1) % columns !== 0) across = Math.max(across, Math.abs((moves[i + 1] as number) - move));
    if (i + columns < moves.length) down = Math.max(down, Math.abs((moves[i + columns] as number) - move));
  }
  return across + down;
}

/** A place that functions write to, so that calls for many thousands of vertices allocate no objects. */
export type Place = { x: number; y: number };

/** The place from which the warped image takes its value at (x, y). */
export function fieldSource(field: WarpField, x: number, y: number, into: Place): void {
  addMove(field, x, y, into);
  into.x += x;
  into.y += y;
}

/**
 * The place where the value of (x, y) is shown: the place q with q + move(q) = (x, y), to 1/16 pixel. `into` may contain a guess of the
 * result, such as (x, y) plus the shift of a neighbour; every guess leads to the same place. Intended for fields of {@link unfoldedField}.
 */
export function fieldTarget(field: WarpField, x: number, y: number, into: Place): void {
  let toX = into.x;
  let toY = into.y;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    addMove(field, toX, toY, into);
    const change = Math.max(Math.abs(x - into.x - toX), Math.abs(y - into.y - toY));
    toX = x - into.x;
    toY = y - into.y;
    // The remaining error is at most 0.6 / (1 − 0.6) of the last change.
    if (change < TOLERANCE / 1.5) break;
  }
  into.x = toX;
  into.y = toY;
}

/** Writes the move at a place to `into`. */
function addMove({ left, top, spacing, columns, rows, moveX, moveY }: WarpField, x: number, y: number, into: Place): void {
  // Beyond these limits, all four neighbours are the outermost control point, so places further out have the same move.
  const across = Math.min(Math.max((x - left) / spacing, -3), columns + 2);
  const down = Math.min(Math.max((y - top) / spacing, -3), rows + 2);
  const column = Math.floor(across);
  const row = Math.floor(down);
  const t = across - column;
  const s = down - row;
  // The four weights of the cubic B-spline, horizontally and then vertically.
  const a = ((1 - t) * (1 - t) * (1 - t)) / 6;
  const b = (4 + t * t * (3 * t - 6)) / 6;
  const d = (t * t * t) / 6;
  const c = 1 - a - b - d;
  const most = columns - 1;
  const p = clampIndex(column - 1, most);
  const q = clampIndex(column, most);
  const r = clampIndex(column + 1, most);
  const u = clampIndex(column + 2, most);
  let sumX = 0;
  let sumY = 0;
  let weight = ((1 - s) * (1 - s) * (1 - s)) / 6;
  for (let k = -1; k <= 2; k++) {
    const from = clampIndex(row + k, rows - 1) * columns;
    const [i, j, m, n] = [from + p, from + q, from + r, from + u] as const;
    sumX += weight * (a * (moveX[i] as number) + b * (moveX[j] as number) + c * (moveX[m] as number) + d * (moveX[n] as number));
    sumY += weight * (a * (moveY[i] as number) + b * (moveY[j] as number) + c * (moveY[m] as number) + d * (moveY[n] as number));
    weight = k === -1 ? (4 + s * s * (3 * s - 6)) / 6 : k === 0 ? (1 + s * (3 + s * (3 - 3 * s))) / 6 : (s * s * s) / 6;
  }
  into.x = sumX;
  into.y = sumY;
}

function clampIndex(index: number, most: number): number {
  return Math.min(Math.max(index, 0), most);
}
