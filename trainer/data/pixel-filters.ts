import type { Random } from '@carpal/masks/random.ts';

/** Standard normal values at the midpoints of 2^14 equal intervals of probability, scaled so that their variance is exactly 1. */
let quantiles: Float32Array | undefined;
const BITS = 14;

/**
 * Adds normal noise of standard deviation `sigma` to `values[from, to)` and clamps to 0..1. Samples come from a table of quantiles, two per
 * random number: at 512 × 512 the exact transform would cost more than all other augmentations together.
 */
export function addNoise(values: Float32Array, from: number, to: number, sigma: number, random: Random): void {
  quantiles ??= normalQuantiles();
  const table = quantiles;
  const mask = table.length - 1;
  // xorshift128 in local variables, seeded by the image's generator: a function call per pair of pixels would take longer than the rest of
  // the work.
  let [a, b, c, d] = [random.integer(2 ** 32) | 1, random.integer(2 ** 32) | 0, random.integer(2 ** 32) | 0, random.integer(2 ** 32) | 0];
  for (let i = from; i < to; i += 2) {
    const t = a ^ (a << 11);
    a = b;
    b = c;
    c = d;
    d = d ^ (d >>> 19) ^ (t ^ (t >>> 8));
    values[i] = hold((values[i] as number) + sigma * (table[d & mask] as number));
    if (i + 1 < to) values[i + 1] = hold((values[i + 1] as number) + sigma * (table[(d >>> BITS) & mask] as number));
  }
}

const hold = (value: number): number => Math.min(1, Math.max(0, value));

function normalQuantiles(): Float32Array {
  const count = 2 ** BITS;
  const table = new Float64Array(count);
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const value = normalQuantile((i + 0.5) / count);
    table[i] = value;
    squares += value * value;
  }
  const scale = Math.sqrt(count / squares);
  return Float32Array.from(table, (value) => value * scale);
}

/** The standard normal quantile of `p`: the series of the normal distribution, inverted by Newton's method. */
function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  let x = 0;
  for (let step = 0; step < 60; step++) {
    const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
    const change = (lowerTail(x, density) - p) / density;
    x -= Math.max(-0.5, Math.min(0.5, change));
    if (Math.abs(change) < 1e-9) break;
  }
  return x;
}

/**
 * The probability below x ≤ 0: 1/2 − φ(x)·(t + t³/3 + t⁵/15 + …) with t = −x. The series always converges; it is accurate to 1e-12 above x
 * = −5.
 */
function lowerTail(x: number, density: number): number {
  const t = -x;
  let term = t;
  let sum = t;
  for (let k = 3; term > 1e-17 * sum; k += 2) {
    term *= (t * t) / k;
    sum += term;
  }
  return 0.5 - density * sum;
}

/** Weights beyond this many standard deviations are omitted. */
const REACH = 3;

/**
 * Blurs a square image in place with a Gaussian of `sigma` pixels, first along rows, then along columns. The border is mirrored at the
 * outermost pixel centres. `scratch` must hold at least as many values as the image.
 */
export function blurImage(image: Float32Array, size: number, sigma: number, scratch: Float32Array): void {
  const weights = gaussianWeights(sigma, size);
  const reach = weights.length - 1;
  const line = new Float32Array(size + 2 * reach);
  for (let y = 0; y < size; y++) {
    const start = y * size;
    for (let x = -reach; x < size + reach; x++) line[x + reach] = image[start + mirrored(x, size)] as number;
    for (let x = 0; x < size; x++) {
      const at = x + reach;
      let sum = (weights[0] as number) * (line[at] as number);
      for (let k = 1; k <= reach; k++) sum += (weights[k] as number) * ((line[at - k] as number) + (line[at + k] as number));
      scratch[start + x] = sum;
    }
  }
  for (let y = 0; y < size; y++) {
    const start = y * size;
    const middle = weights[0] as number;
    for (let x = 0; x < size; x++) image[start + x] = middle * (scratch[start + x] as number);
    for (let k = 1; k <= reach; k++) addRows(image, start, size, weights[k] as number, scratch, y - k, y + k);
  }
}

function addRows(image: Float32Array, start: number, size: number, weight: number, from: Float32Array, above: number, below: number): void {
  const upper = mirrored(above, size) * size;
  const lower = mirrored(below, size) * size;
  for (let x = 0; x < size; x++)
    image[start + x] = (image[start + x] as number) + weight * ((from[upper + x] as number) + (from[lower + x] as number));
}

/** The weight of the centre and of each pixel on one side; the sum over both sides is 1. */
function gaussianWeights(sigma: number, size: number): Float64Array {
  const reach = Math.min(size - 1, Math.max(1, Math.ceil(REACH * sigma)));
  const weights = Float64Array.from({ length: reach + 1 }, (_, k) => Math.exp(-(k * k) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight, k) => total + (k === 0 ? weight : 2 * weight), 0);
  return weights.map((weight) => weight / sum);
}

function mirrored(at: number, size: number): number {
  if (at < 0) return -at;
  return at < size ? at : 2 * size - 2 - at;
}

const GREY_LEVELS = 256;

/**
 * Contrast-limited adaptive histogram equalization (CLAHE) of a square 8-bit image: `tiles` × `tiles` histograms, bins limited to
 * `clipLimit` times the mean bin, each pixel interpolated bilinearly from the tables of the four nearest tiles. Steps and rounding follow
 * OpenCV's createCLAHE; the result differs from it by at most one grey level. `out` may be the image itself.
 */
export function equalizeTiles(
  image: Uint8Array,
  { size, clipLimit, tiles }: { size: number; clipLimit: number; tiles: number },
  out: Uint8Array,
): void {
  // OpenCV extends an image that does not divide into tiles by mirroring.
  const tileSize = size % tiles === 0 ? size / tiles : (size + tiles - (size % tiles)) / tiles;
  const tables = new Uint8Array(tiles * tiles * GREY_LEVELS);
  const histogram = new Uint32Array(GREY_LEVELS);
  const limit = Math.max(1, Math.trunc((clipLimit * tileSize * tileSize) / GREY_LEVELS));
  for (let tile = 0; tile < tiles * tiles; tile++) {
    countTile(image, size, tileSize, tile % tiles, Math.floor(tile / tiles), histogram);
    clip(histogram, limit);
    fillTable(histogram, tileSize * tileSize, tables.subarray(tile * GREY_LEVELS, (tile + 1) * GREY_LEVELS));
  }
  const places = tilePlaces(size, tileSize, tiles);
  for (let y = 0; y < size; y++) lookUpRow(image, y, size, tiles, places, tables, out);
}

function countTile(image: Uint8Array, size: number, tileSize: number, column: number, row: number, histogram: Uint32Array): void {
  histogram.fill(0);
  for (let y = row * tileSize; y < (row + 1) * tileSize; y++) {
    const line = mirrored(y, size) * size;
    const end = (column + 1) * tileSize;
    for (let x = column * tileSize; x < end; x++) {
      const value = image[line + (x < size ? x : mirrored(x, size))] as number;
      histogram[value] = (histogram[value] as number) + 1;
    }
  }
}

/** Limits the bins and distributes the excess evenly over all; the remainder goes to bins at even distances. */
function clip(histogram: Uint32Array, limit: number): void {
  let excess = 0;
  for (let i = 0; i < GREY_LEVELS; i++) {
    const count = histogram[i] as number;
    if (count <= limit) continue;
    excess += count - limit;
    histogram[i] = limit;
  }
  const share = Math.floor(excess / GREY_LEVELS);
  let rest = excess - share * GREY_LEVELS;
  for (let i = 0; i < GREY_LEVELS; i++) histogram[i] = (histogram[i] as number) + share;
  const step = rest === 0 ? 1 : Math.max(1, Math.floor(GREY_LEVELS / rest));
  for (let i = 0; i < GREY_LEVELS && rest > 0; i += step, rest--) histogram[i] = (histogram[i] as number) + 1;
}

function fillTable(histogram: Uint32Array, pixels: number, table: Uint8Array): void {
  const scale = Math.fround((GREY_LEVELS - 1) / pixels);
  let sum = 0;
  for (let i = 0; i < GREY_LEVELS; i++) {
    sum += histogram[i] as number;
    table[i] = Math.min(255, rounded(sum * scale));
  }
}

/** For each row or column: the tile before it, the tile after it, and the weight of the tile after. */
type Places = { readonly before: Uint16Array; readonly after: Uint16Array; readonly share: Float32Array };

function tilePlaces(size: number, tileSize: number, tiles: number): Places {
  const places = { before: new Uint16Array(size), after: new Uint16Array(size), share: new Float32Array(size) };
  for (let i = 0; i < size; i++) {
    const at = i / tileSize - 0.5;
    const before = Math.floor(at);
    places.before[i] = Math.max(0, before);
    places.after[i] = Math.min(tiles - 1, before + 1);
    places.share[i] = at - before;
  }
  return places;
}

function lookUpRow(image: Uint8Array, y: number, size: number, tiles: number, places: Places, tables: Uint8Array, out: Uint8Array): void {
  const { before, after, share } = places;
  const upper = (before[y] as number) * tiles * GREY_LEVELS;
  const lower = (after[y] as number) * tiles * GREY_LEVELS;
  const down = share[y] as number;
  const end = (y + 1) * size;
  for (let at = y * size, x = 0; at < end; at++, x++) {
    const value = image[at] as number;
    const left = (before[x] as number) * GREY_LEVELS + value;
    const right = (after[x] as number) * GREY_LEVELS + value;
    const across = share[x] as number;
    const p = tables[upper + left] as number;
    const q = tables[upper + right] as number;
    const r = tables[lower + left] as number;
    const s = tables[lower + right] as number;
    const top = p + across * (q - p);
    out[at] = rounded(top + down * (r + across * (s - r) - top));
  }
}

/** Rounds to the nearest integer, half to even. */
function rounded(value: number): number {
  const up = (value + 0.5) | 0;
  return up - value === 0.5 && (up & 1) === 1 ? up - 1 : up;
}
