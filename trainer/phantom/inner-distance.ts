const FAR = 1e9;

/**
 * For every pixel that is 1 in the mask, the distance from its centre to the nearest pixel that is 0, less half a pixel (so it is the
 * distance to the border); 0 elsewhere. Exact Euclidean (Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012).
 * What lies outside the mask's rectangle counts as 1.
 */
export function innerDistance(mask: Uint8Array, width: number, height: number): Float32Array {
  const squares = Float32Array.from(mask, (value) => (value === 0 ? 0 : FAR));
  const longest = Math.max(width, height);
  const scratch = {
    input: new Float64Array(longest),
    output: new Float64Array(longest),
    apex: new Int32Array(longest),
    edge: new Float64Array(longest + 1),
  };
  for (let x = 0; x < width; x++) transformLine(squares, x, width, height, scratch);
  for (let y = 0; y < height; y++) transformLine(squares, y * width, 1, width, scratch);
  for (let i = 0; i < squares.length; i++) squares[i] = mask[i] === 0 ? 0 : Math.sqrt(squares[i] as number) - 0.5;
  return squares;
}

type Scratch = { input: Float64Array; output: Float64Array; apex: Int32Array; edge: Float64Array };

/** The lower envelope of the parabolas on one line, in place. */
function transformLine(values: Float32Array, start: number, step: number, count: number, scratch: Scratch): void {
  const { input, output, apex, edge } = scratch;
  for (let i = 0; i < count; i++) input[i] = values[start + i * step] as number;
  let last = 0;
  apex[0] = 0;
  edge[0] = -Infinity;
  edge[1] = Infinity;
  for (let q = 1; q < count; q++) {
    let at = crossing(input, q, apex[last] as number);
    while (at <= (edge[last] as number)) {
      last--;
      at = crossing(input, q, apex[last] as number);
    }
    last++;
    apex[last] = q;
    edge[last] = at;
    edge[last + 1] = Infinity;
  }
  let k = 0;
  for (let q = 0; q < count; q++) {
    while ((edge[k + 1] as number) < q) k++;
    const p = apex[k] as number;
    output[q] = (q - p) ** 2 + (input[p] as number);
  }
  for (let i = 0; i < count; i++) values[start + i * step] = Math.min(FAR, output[i] as number);
}

/** Where the parabola at q goes under the one at p < q. */
function crossing(input: Float64Array, q: number, p: number): number {
  return ((input[q] as number) + q * q - ((input[p] as number) + p * p)) / (2 * (q - p));
}
