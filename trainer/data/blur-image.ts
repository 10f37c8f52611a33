/** Weights further out than this many standard deviations are left out. */
const REACH = 3;

/**
 * Blurs a square image in place by a Gaussian of `sigma` pixels, rows first and columns after; beyond its edges the image is taken as
 * mirrored at the outermost pixel centres. `scratch` holds at least as many values as the image.
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

/** The weight of the middle and of each pixel to one side, all together (both sides) 1. */
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
