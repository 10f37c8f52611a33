import { type Random, randomFor } from '@carpal/masks/random.ts';
import { IMAGE_UNITS } from './anatomy.ts';
import { addBoneDensity } from './bone-density.ts';
import { enlarge, type Field, halve, neighbours, soften } from './field.ts';
import { addForeignObjects } from './foreign-objects.ts';
import type { Bone, Hand } from './hand.ts';
import { type Textures, TILE, texel } from './texture.ts';
import { tissueDensity } from './tissue-density.ts';

/** How strongly a millimetre of soft tissue absorbs compared with a millimetre of dense bone. */
const TISSUE = 0.31;
/** The mean grey of the set, and how much exposures vary (log scale). */
const MEAN_GREY = 27;
const EXPOSURE_SPREAD = 0.07;
/** Grey of the empty image before the exposure, and the grey that the brightest places approach. */
const EMPTY_GREY = 4;
const SHOULDER_GREY = 260;

/**
 * The radiograph of a hand as `size` × `size` grey values, row by row: the absorption of soft tissue and bones, the exposure of the set,
 * the softness of a detector, noise that grows with brightness, and slight vignetting.
 */
export function renderHand(hand: Hand, size: number, seed: number, textures: Textures): Uint8Array {
  const random = randomFor(seed, 'render', hand.person.number, hand.side);
  // A large image is drawn at half its size and enlarged. An image of at most 512 px is drawn at twice its size and halved, to avoid jagged
  // edges.
  const side = size > 1280 ? Math.ceil(size / 2) : size > 512 ? size : 2 * size;
  const field = passThrough(hand, side, seed, textures, random);
  expose(field, random);
  return develop(size > 512 ? field : halve(field), size, random, textures);
}

/** The absorption along the rays, before the exposure. */
function passThrough(hand: Hand, side: number, seed: number, textures: Textures, random: Random): Field {
  const unitsPerPixel = IMAGE_UNITS / side;
  const millimetre = hand.unitsPerMillimetre / unitsPerPixel;
  const bones: Field = { side, values: new Float32Array(side * side) };
  for (const bone of [...hand.bones, ...sesamoids(hand, random)]) {
    addBoneDensity(bones, bone, unitsPerPixel, millimetre, textures, randomFor(seed, 'grain', hand.person.number, hand.side, bone.name));
  }
  addForeignObjects(bones, hand, seed);
  const coarse = Math.ceil(side / 2);
  const tissue = tissueDensity(hand, coarse);
  soften(tissue, 0.25);
  const { values } = enlarge(tissue, side);
  const [cloudX, cloudY] = [random.integer(TILE), random.integer(TILE)];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = y * side + x;
      const muscle = 1 + 0.03 * texel(textures.cloud, Math.round((x / side) * 700) + cloudX, Math.round((y / side) * 420) + cloudY);
      bones.values[at] = (bones.values[at] as number) + TISSUE * (values[at] as number) * muscle;
    }
  }
  soften(bones, 0.2);
  return bones;
}

/** Converts millimetres to grey. The gain is chosen so that the whole image has the mean of this exposure. */
function expose(field: Field, random: Random): void {
  const { side, values } = field;
  const target = MEAN_GREY * Math.exp(EXPOSURE_SPREAD * Math.max(-2.5, Math.min(2.5, random.normal())));
  const vignette = random.range(0.06, 0.16);
  const slant = 0.6 * random.normal();
  const grey = (at: number, gain: number): number => {
    const [x, y] = [(at % side) / side - 0.5, Math.floor(at / side) / side - 0.5];
    const light = (1 - vignette * 2 * (x * x + y * y)) * (EMPTY_GREY + slant * x + gain * (values[at] as number));
    return SHOULDER_GREY * (1 - Math.exp(-light / SHOULDER_GREY));
  };
  let [low, high] = [0, 100];
  for (let round = 0; round < 14; round++) {
    const gain = (low + high) / 2;
    let sum = 0;
    let count = 0;
    for (let at = 0; at < values.length; at += 37) {
      sum += grey(at, gain);
      count++;
    }
    if (sum / count < target) low = gain;
    else high = gain;
  }
  for (let at = 0; at < values.length; at++) values[at] = grey(at, (low + high) / 2);
}

/** Scales the image to its final size and adds quantum and detector noise. */
function develop(field: Field, size: number, random: Random, textures: Textures): Uint8Array {
  const grey = new Uint8Array(size * size);
  const { low, high, share } = neighbours(field.side, size);
  const { values, side } = field;
  const quanta = random.range(0.22, 0.34);
  for (let y = 0; y < size; y++) {
    const [upper, lower, down] = [(low[y] as number) * side, (high[y] as number) * side, share[y] as number];
    const speckleStart = random.integer(TILE * TILE);
    for (let x = 0; x < size; x++) {
      const left = low[x] as number;
      const right = high[x] as number;
      const across = share[x] as number;
      const aboveLeft = values[upper + left] as number;
      const belowLeft = values[lower + left] as number;
      const above = aboveLeft + ((values[upper + right] as number) - aboveLeft) * across;
      const below = belowLeft + ((values[lower + right] as number) - belowLeft) * across;
      const clean = above + (below - above) * down;
      const noise = textures.speckle[(speckleStart + x) & (TILE * TILE - 1)] as number;
      const value = clean + noise * quanta * Math.sqrt(clean + 0.5);
      grey[y * size + x] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5;
    }
  }
  return grey;
}

/** The two sesamoid bones at the base of the thumb, which have no label. */
function sesamoids(hand: Hand, random: Random): Bone[] {
  const knuckle = hand.bones.find(({ name }) => name === 'finger-3');
  if (!knuckle) return [];
  const [[x0, y0], [x1, y1]] = knuckle.axis;
  const mm = hand.unitsPerMillimetre;
  const length = Math.hypot(x1 - x0, y1 - y0);
  const [alongX, alongY] = [(x1 - x0) / length, (y1 - y0) / length];
  return [-1, 1].map((sign): Bone => {
    const [back, across] = [length - random.range(2.5, 4) * mm, sign * random.range(2.6, 3.6) * mm];
    const centre = [x0 + alongX * back - alongY * across, y0 + alongY * back + alongX * across] as const;
    const outline = new Float64Array(40);
    for (let i = 0; i < 20; i++) {
      outline[2 * i] = centre[0] + 1.9 * mm * Math.cos((i * Math.PI) / 10);
      outline[2 * i + 1] = centre[1] + 2.4 * mm * Math.sin((i * Math.PI) / 10);
    }
    return {
      name: `sesamoid ${sign}`,
      kind: 'carpal',
      outline,
      axis: [
        [centre[0], centre[1] + mm],
        [centre[0], centre[1] - mm],
      ],
    };
  });
}
