import type { AugmentationName, AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { type Affine, compose, IDENTITY, rotation, scaling, translation } from '@carpal/masks/warp.ts';
import type { Random } from '../random.ts';

/** What one image of one epoch gets. `geometry` moves sheet coordinates, image and polygons alike; undefined leaves them where they are. */
export type DrawnAugmentation = {
  readonly geometry: Affine | undefined;
  /** The value in 0..1 that each grey level of 0..255 becomes. */
  readonly levels: Float32Array;
  /** Standard deviation of the noise to add, in units of the 0..1 image. */
  readonly noise: number;
};

type Draft = { geometry: Affine | undefined; levels: Float32Array; noise: number };
type Frame = { readonly side: number; readonly centreX: number; readonly centreY: number };
type Step = (spec: AugmentationSpec, random: Random, draft: Draft, frame: Frame) => void;

/** Grey levels as they are: v / 255. */
export const UNIT_LEVELS: Float32Array = Float32Array.from({ length: 256 }, (_, value) => value / 255);

const STEPS: Readonly<Record<AugmentationName, Step>> = {
  rotate(spec, random, draft, { centreX, centreY }) {
    const degrees = spec.degrees ?? 15;
    move(draft, rotation(random.range(-degrees, degrees), centreX, centreY));
  },
  flipHorizontal(_spec, _random, draft, { centreX }) {
    move(draft, scaling(-1, 1, centreX, 0));
  },
  shiftScaleRotate(spec, random, draft, { side, centreX, centreY }) {
    const [shift, scale, degrees] = [spec.shift ?? 0.05, spec.scale ?? 0.05, spec.degrees ?? 5];
    const factor = 1 + random.range(-scale, scale);
    move(draft, scaling(factor, factor, centreX, centreY));
    move(draft, rotation(random.range(-degrees, degrees), centreX, centreY));
    const [x, y] = [random.range(-shift, shift), random.range(-shift, shift)];
    move(draft, translation(x * side, y * side));
  },
  brightnessContrast(spec, random, draft) {
    const [brightness, contrast] = [spec.brightness ?? 0.1, spec.contrast ?? 0.1];
    const gain = 1 + random.range(-contrast, contrast);
    const bias = random.range(-brightness, brightness);
    draft.levels = draft.levels.map((value) => clamp(value * gain + bias));
  },
  gamma(spec, random, draft) {
    const exponent = random.range(spec.low ?? 0.8, spec.high ?? 1.25);
    draft.levels = draft.levels.map((value) => value ** exponent);
  },
  gaussianNoise(spec, _random, draft) {
    draft.noise = Math.hypot(draft.noise, spec.sigma ?? 0.02);
  },
};

/**
 * Draws what happens to one image: each entry by its own probability, in order. All movements become one map and all changes of grey one
 * table, so an image is resampled once however many entries there are; noise comes last. The entries' fields mean:
 * rotate ±degrees about the sheet's centre; shiftScaleRotate scale factor 1 ± scale, ±degrees, then ±shift of the square's side;
 * brightnessContrast v·(1 ± contrast) ± brightness; gamma v^U(low, high); gaussianNoise a standard deviation of sigma. A field left out
 * has a mild default.
 */
export function drawAugmentation(
  specs: readonly AugmentationSpec[],
  sheet: { readonly width: number; readonly height: number },
  random: Random,
): DrawnAugmentation {
  const frame: Frame = { side: Math.max(sheet.width, sheet.height), centreX: (sheet.width - 1) / 2, centreY: (sheet.height - 1) / 2 };
  const draft: Draft = { geometry: undefined, levels: UNIT_LEVELS, noise: 0 };
  for (const spec of specs) {
    if (random.next() < spec.probability) STEPS[spec.name](spec, random, draft, frame);
  }
  return draft;
}

function move(draft: Draft, by: Affine): void {
  draft.geometry = compose(by, draft.geometry ?? IDENTITY);
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));
