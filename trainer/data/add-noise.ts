import type { Random } from '@carpal/masks/random.ts';

/** Standard normal values at the middles of 2^14 equal shares of probability, scaled so that their variance is exactly 1. */
let quantiles: Float32Array | undefined;
const BITS = 14;

/**
 * Adds normal noise of standard deviation `sigma` to `values[from, to)` and holds the result in 0..1. Samples are drawn from a table of
 * quantiles, two for each random number: at 512 × 512 the exact transform would cost more than everything else done to an image.
 */
export function addNoise(values: Float32Array, from: number, to: number, sigma: number, random: Random): void {
  quantiles ??= normalQuantiles();
  const table = quantiles;
  const mask = table.length - 1;
  // xorshift128 in local variables, seeded from the image's own numbers: a call for each pixel pair would take longer than all the rest.
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

/** The standard normal value below which the share `p` lies: the normal distribution by its series, inverted by Newton's method. */
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

/** The share below x ≤ 0: 1/2 − φ(x)·(t + t³/3 + t⁵/15 + …) with t = −x, which converges everywhere and to 1e-12 above x = −5. */
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
