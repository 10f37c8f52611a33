const LEVELS = 256;

/**
 * Contrast-limited adaptive histogram equalization of a square 8-bit image: `tiles` × `tiles` histograms, no bin higher than `clipLimit`
 * times the mean one, each pixel looked up in the tables of the four nearest tiles, bilinearly. The steps and roundings are those of
 * OpenCV's createCLAHE, whose pixels it gives to within one grey level. The image is 8 bits deep before and after; `out` may be the
 * image itself.
 */
export function equalizeTiles(
  image: Uint8Array,
  { size, clipLimit, tiles }: { size: number; clipLimit: number; tiles: number },
  out: Uint8Array,
): void {
  // OpenCV widens an image that does not divide into tiles, by its mirror image.
  const tileSize = size % tiles === 0 ? size / tiles : (size + tiles - (size % tiles)) / tiles;
  const tables = new Uint8Array(tiles * tiles * LEVELS);
  const histogram = new Uint32Array(LEVELS);
  const limit = Math.max(1, Math.trunc((clipLimit * tileSize * tileSize) / LEVELS));
  for (let tile = 0; tile < tiles * tiles; tile++) {
    countTile(image, size, tileSize, tile % tiles, Math.floor(tile / tiles), histogram);
    clip(histogram, limit);
    fillTable(histogram, tileSize * tileSize, tables.subarray(tile * LEVELS, (tile + 1) * LEVELS));
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

const mirrored = (at: number, size: number): number => (at < size ? at : 2 * size - 2 - at);

/** Cuts the bins off at the limit and spreads what was cut evenly over all; what is left over goes to bins that lie evenly apart. */
function clip(histogram: Uint32Array, limit: number): void {
  let excess = 0;
  for (let i = 0; i < LEVELS; i++) {
    const count = histogram[i] as number;
    if (count <= limit) continue;
    excess += count - limit;
    histogram[i] = limit;
  }
  const share = Math.floor(excess / LEVELS);
  let rest = excess - share * LEVELS;
  for (let i = 0; i < LEVELS; i++) histogram[i] = (histogram[i] as number) + share;
  const step = rest === 0 ? 1 : Math.max(1, Math.floor(LEVELS / rest));
  for (let i = 0; i < LEVELS && rest > 0; i += step, rest--) histogram[i] = (histogram[i] as number) + 1;
}

function fillTable(histogram: Uint32Array, pixels: number, table: Uint8Array): void {
  const scale = Math.fround((LEVELS - 1) / pixels);
  let sum = 0;
  for (let i = 0; i < LEVELS; i++) {
    sum += histogram[i] as number;
    table[i] = Math.min(255, rounded(sum * scale));
  }
}

/** For each row or column: the tile before and the one after, and how near the one after is. */
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
  const upper = (before[y] as number) * tiles * LEVELS;
  const lower = (after[y] as number) * tiles * LEVELS;
  const down = share[y] as number;
  const end = (y + 1) * size;
  for (let at = y * size, x = 0; at < end; at++, x++) {
    const value = image[at] as number;
    const left = (before[x] as number) * LEVELS + value;
    const right = (after[x] as number) * LEVELS + value;
    const across = share[x] as number;
    const p = tables[upper + left] as number;
    const q = tables[upper + right] as number;
    const r = tables[lower + left] as number;
    const s = tables[lower + right] as number;
    const top = p + across * (q - p);
    out[at] = rounded(top + down * (r + across * (s - r) - top));
  }
}

/** The nearest whole number; of two that are as near, the even one. */
function rounded(value: number): number {
  const up = (value + 0.5) | 0;
  return up - value === 0.5 && (up & 1) === 1 ? up - 1 : up;
}
