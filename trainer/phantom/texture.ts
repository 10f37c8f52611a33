import { type Random, randomFor } from '@carpal/masks/random.ts';

/** Tileable random textures with mean 0 and variance 1, `TILE` × `TILE` values each, for the grain of bones and the noise. */
export type Textures = {
  /** Grain as fine as trabeculae: about three values wide. */
  readonly grain: Float32Array;
  /** Soft blotches, about twenty values wide. */
  readonly cloud: Float32Array;
  /** Detector noise with slightly correlated neighbours. */
  readonly speckle: Float32Array;
};

/** The side of a texture: a power of two, so that coordinates wrap with a bit mask. */
export const TILE = 512;
const WRAP = TILE - 1;

/** The textures of a set; they depend only on the seed. */
export function makeTextures(seed: number): Textures {
  const random = randomFor(seed, 'texture');
  return { grain: tile(random, 1, 2), cloud: tile(random, 9, 2), speckle: tile(random, 0.5, 1) };
}

/** The value of a texture at any integer coordinates. */
export function texel(texture: Float32Array, x: number, y: number): number {
  return texture[(y & WRAP) * TILE + (x & WRAP)] as number;
}

function tile(random: Random, radius: number, passes: number): Float32Array {
  let values: Float32Array = Float32Array.from({ length: TILE * TILE }, () => random.normal());
  for (let pass = 0; pass < passes; pass++) values = wrapBlur(wrapBlur(values, 1, TILE, radius), TILE, 1, radius);
  let [sum, squares] = [0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(squares / values.length - mean * mean);
  return values.map((value) => (value - mean) / deviation);
}

/** A running mean over 2·radius + 1 values in one direction, with wrap-around; a fractional radius gives the outer two less weight. */
function wrapBlur(values: Float32Array, step: number, lineStep: number, radius: number): Float32Array {
  const blurred = new Float32Array(values.length);
  const whole = Math.floor(radius);
  const part = radius - whole;
  for (let line = 0; line < TILE; line++) {
    for (let i = 0; i < TILE; i++) {
      let sum = part === 0 ? 0 : part * (valueAt(i - whole - 1) + valueAt(i + whole + 1));
      for (let k = -whole; k <= whole; k++) sum += valueAt(i + k);
      blurred[line * lineStep + i * step] = sum;
    }
    function valueAt(index: number): number {
      return values[line * lineStep + (index & WRAP) * step] as number;
    }
  }
  return blurred;
}
