/**
 * Weights derived from a variable's name alone, so that a comparison with PyTorch needs no weights file. They equal the values of
 * `weights_of` in bench/pytorch/export_drawn.py.
 */

/** Numbers in -1..1: FNV-1a of the name, then a 32-bit integer mix per position. */
export function drawnValues(name: string, count: number): Float32Array {
  let seed = 2_166_136_261;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 16_777_619);
  const values = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    let mixed = (Math.imul(index, 0x9e37_79b1) + seed) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb_352d);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846c_a68b);
    mixed = (mixed ^ (mixed >>> 16)) >>> 0;
    values[index] = mixed / 2 ** 31 - 1;
  }
  return values;
}

/**
 * Centre and spread of arrays, by the last part of their names. With these values no activation in the test cases vanishes or overflows.
 */
const SPREADS: Readonly<Record<string, readonly [number, number]>> = {
  gamma: [0.5, 0.2],
  scale: [1, 0.2],
  bias: [Math.fround(0.3), 0.2],
  movingVariance: [1, 0.5],
};

/** Values of a realistic size for a variable of this name and shape. */
export function drawnWeights(name: string, shape: readonly number[]): Float32Array {
  const product = (extents: readonly number[]): number => extents.reduce((sum, extent) => sum * extent, 1);
  const values = drawnValues(name, product(shape));
  const last = name.split('/').at(-1);
  if (last === 'kernel') {
    const [height = 1, width = 1] = shape;
    const depthwise = shape.length === 4 && shape[3] === 1 && height > 1;
    const scale = Math.fround(Math.sqrt(3 / (depthwise ? height * width : product(shape.slice(0, -1)))));
    return values.map((value) => value * scale);
  }
  const [centre, spread] = SPREADS[last ?? ''] ?? [0, 0.2];
  return values.map((value) => centre + Math.fround(value * Math.fround(spread)));
}
