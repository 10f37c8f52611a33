import { MaskError } from './mask-error.ts';

/**
 * A smooth bend of the plane. Control points lie `spacing` apart, the first at (left, top), `columns` × `rows` of them, row by row; a cubic
 * B-spline through their neighbourhoods says how far each place is moved. It is written in the direction that sampling an image needs: the
 * bent image shows at q what lay at q + move(q). Beyond the control points the outermost ones go on.
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

/** How much moves may differ between two places, as a fraction of their distance: below 1 nothing folds over. */
const MOST_BEND = 0.6;
/** Vertices are moved to within so much of their place, in sheet pixels: they are filled on whole ones. */
const TOLERANCE = 1 / 16;
const MOST_ROUNDS = 64;

/**
 * The field, its moves made smaller where they would fold the image over. The derivative of a B-spline is a mean of the differences of
 * neighbouring control points over their spacing, so the greatest of those differences bound how much the moves of two places can differ:
 * kept to 0.6 of the distance (in the larger of the two directions), q + move(q) takes no two places to one and its inverse can be iterated.
 */
export function unfoldedField(field: WarpField): WarpField {
  const { columns, rows, moveX, moveY, spacing } = field;
  if (moveX.length !== columns * rows || moveY.length !== columns * rows || !(spacing > 0))
    throw new MaskError(`A field of ${columns} × ${rows} control points has ${moveX.length} and ${moveY.length} moves.`);
  const bend = Math.max(steepest(moveX, columns), steepest(moveY, columns)) / spacing;
  if (!(bend > MOST_BEND)) return field;
  const shrink = (moves: Float64Array): Float64Array => moves.map((move) => (move * MOST_BEND) / bend);
  return { ...field, moveX: shrink(moveX), moveY: shrink(moveY) };
}

/** The greatest difference to a right neighbour and the greatest to one below, added up. */
function steepest(moves: Float64Array, columns: number): number {
  let [across, down] = [0, 0];
  for (let i = 0; i < moves.length; i++) {
    const move = moves[i] as number;
    if ((i + 1) % columns !== 0) across = Math.max(across, Math.abs((moves[i + 1] as number) - move));
    if (i + columns < moves.length) down = Math.max(down, Math.abs((moves[i + columns] as number) - move));
  }
  return across + down;
}

/** A place that functions here write to, so that a call for each of many thousand vertices makes no object. */
export type Place = { x: number; y: number };

/** Where the bent image takes what it shows at (x, y) from. */
export function fieldSource(field: WarpField, x: number, y: number, into: Place): void {
  addMove(field, x, y, into);
  into.x += x;
  into.y += y;
}

/**
 * Where what lay at (x, y) is shown: the place q with q + move(q) = (x, y), to 1/16 pixel. `into` may hold a guess of the move, such as
 * that of a neighbour, as `into − (x, y)`; any guess leads to the same place. Meant for fields of {@link unfoldedField}.
 */
export function fieldTarget(field: WarpField, x: number, y: number, into: Place): void {
  let toX = into.x;
  let toY = into.y;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    addMove(field, toX, toY, into);
    const change = Math.max(Math.abs(x - into.x - toX), Math.abs(y - into.y - toY));
    toX = x - into.x;
    toY = y - into.y;
    // What is left is at most 0.6 / (1 − 0.6) of the last change.
    if (change < TOLERANCE / 1.5) break;
  }
  into.x = toX;
  into.y = toY;
}

/** The move at a place, into `into`. */
function addMove({ left, top, spacing, columns, rows, moveX, moveY }: WarpField, x: number, y: number, into: Place): void {
  // A little beyond the last control point all four neighbours are the last: nothing changes further out.
  const across = Math.min(Math.max((x - left) / spacing, -3), columns + 2);
  const down = Math.min(Math.max((y - top) / spacing, -3), rows + 2);
  const column = Math.floor(across);
  const row = Math.floor(down);
  const t = across - column;
  const s = down - row;
  // The four weights of the cubic B-spline, across and then down.
  const a = ((1 - t) * (1 - t) * (1 - t)) / 6;
  const b = (4 + t * t * (3 * t - 6)) / 6;
  const d = (t * t * t) / 6;
  const c = 1 - a - b - d;
  const most = columns - 1;
  const p = held(column - 1, most);
  const q = held(column, most);
  const r = held(column + 1, most);
  const u = held(column + 2, most);
  let sumX = 0;
  let sumY = 0;
  let weight = ((1 - s) * (1 - s) * (1 - s)) / 6;
  for (let k = -1; k <= 2; k++) {
    const from = held(row + k, rows - 1) * columns;
    const [i, j, m, n] = [from + p, from + q, from + r, from + u] as const;
    sumX += weight * (a * (moveX[i] as number) + b * (moveX[j] as number) + c * (moveX[m] as number) + d * (moveX[n] as number));
    sumY += weight * (a * (moveY[i] as number) + b * (moveY[j] as number) + c * (moveY[m] as number) + d * (moveY[n] as number));
    weight = k === -1 ? (4 + s * s * (3 * s - 6)) / 6 : k === 0 ? (1 + s * (3 + s * (3 - 3 * s))) / 6 : (s * s * s) / 6;
  }
  into.x = sumX;
  into.y = sumY;
}

function held(index: number, most: number): number {
  return Math.min(Math.max(index, 0), most);
}
