import type { AugmentationName, AugmentationSpec } from '@carpal/configs/schema/experiment.ts';
import { AUGMENTATION_OPTIONS, type AugmentationOptions } from '@carpal/configs/schema/options.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { type Random, randomFor } from '@carpal/masks/random.ts';
import { joinWarp, rotation, scaling, translation, type Warp, warpOutline } from '@carpal/masks/warp.ts';
import { boneGroups } from '@carpal/report/dataset/bone-classes.ts';
import { drawElastic, drawGridDistortion, drawWristWindow, type Square } from './draw-warps.ts';

/**
 * One pass over the image. `sample` maps grey levels 0..255 to values in 0..1 with a table and moves the image by a map of image
 * coordinates. `clahe` works on 8 bits. The sigma of `blur` is in pixels of the square, that of `noise` in units of 0..1.
 */
export type Pass =
  | { readonly kind: 'sample'; readonly levels: Float32Array; readonly warp: Warp }
  | { readonly kind: 'clahe'; readonly clipLimit: number; readonly tiles: number }
  | { readonly kind: 'blur'; readonly sigma: number }
  | { readonly kind: 'noise'; readonly sigma: number; readonly random: Random };

/** The augmentation of one image in one epoch. */
export type DrawnAugmentation = {
  readonly passes: readonly Pass[];
  /** All movements of the passes, for the polygons; empty if the polygons do not move. */
  readonly warp: Warp;
  /** A short description of each entry that was drawn. */
  readonly notes: readonly string[];
};

/** The size of the image to augment and the annotated outlines of its carpal bones. Without outlines, wristCrop does nothing. */
export type Subject = { readonly width: number; readonly height: number; readonly carpals?: readonly Polygon[] };

type Frame = Square & { readonly centreX: number; readonly centreY: number };
type Values = Required<{ [Key in keyof AugmentationOptions]: number }>;
type Draft = { passes: Pass[]; warp: Warp; readonly carpals: readonly Polygon[] };
/** Draws one entry into the draft and returns its description. */
type Step = (options: Values, random: Random, draft: Draft, frame: Frame) => string | undefined;

/** Unchanged grey levels: v / 255. */
export const UNIT_LEVELS: Float32Array = Float32Array.from({ length: 256 }, (_, value) => value / 255);

const STEPS: Readonly<Record<AugmentationName, Step>> = {
  rotate({ degrees }, random, draft, { centreX, centreY }) {
    const angle = random.range(-degrees, degrees);
    move(draft, rotation(angle, centreX, centreY));
    return signed(angle);
  },
  flipHorizontal(_options, _random, draft, { centreX }) {
    move(draft, scaling(-1, 1, centreX, 0));
    return undefined;
  },
  shiftScaleRotate({ shift, scale, degrees }, random, draft, { side, centreX, centreY }) {
    const factor = 1 + random.range(-scale, scale);
    const angle = random.range(-degrees, degrees);
    const [x, y] = [random.range(-shift, shift), random.range(-shift, shift)];
    move(draft, scaling(factor, factor, centreX, centreY));
    move(draft, rotation(angle, centreX, centreY));
    move(draft, translation(x * side, y * side));
    return `${signed(100 * x)}% ${signed(100 * y)}% ×${factor.toFixed(2)} ${signed(angle)}`;
  },
  elastic(options, random, draft, frame) {
    const field = drawElastic(options, frame, random);
    move(draft, field);
    return `${percent(farthest(field.moveX, field.moveY) / frame.side)}`;
  },
  gridDistortion(options, random, draft, frame) {
    const field = drawGridDistortion(options, frame, random);
    move(draft, field);
    return `${percent(farthest(field.moveX, field.moveY) / frame.side)}`;
  },
  wristCrop({ low, high }, random, draft, frame) {
    // Uses the outlines after the movements drawn so far. Their vertices are dense enough for a bounding box.
    const outlines = draft.carpals.map((polygon) => warpOutline(polygon, draft.warp, frame.side));
    const window = drawWristWindow(outlines, { low, high }, frame, random);
    if (window === undefined) return 'no carpals';
    move(draft, window.map);
    return percent(window.share);
  },
  brightnessContrast({ brightness, contrast }, random, draft) {
    const gain = 1 + random.range(-contrast, contrast);
    const bias = random.range(-brightness, brightness);
    mapLevels(draft, (value) => Math.min(1, Math.max(0, value * gain + bias)));
    return `${signed(100 * bias)}% ×${gain.toFixed(2)}`;
  },
  gamma({ low, high }, random, draft) {
    const exponent = random.range(low, high);
    mapLevels(draft, (value) => value ** exponent);
    return exponent.toFixed(2);
  },
  clahe({ clipLimit, tiles }, random, draft) {
    const drawn = random.range(1, clipLimit);
    draft.passes.push({ kind: 'clahe', clipLimit: drawn, tiles });
    return drawn.toFixed(1);
  },
  gaussianBlur({ low, high }, random, draft) {
    const sigma = random.range(low, high);
    draft.passes.push({ kind: 'blur', sigma });
    return `${sigma.toFixed(1)} px`;
  },
  gaussianNoise({ sigma }, random, draft) {
    const last = draft.passes.at(-1);
    if (last?.kind === 'noise') draft.passes[draft.passes.length - 1] = { ...last, sigma: Math.hypot(last.sigma, sigma) };
    else if (sigma > 0) draft.passes.push({ kind: 'noise', sigma, random });
    return percent(sigma);
  },
};

/**
 * Draws the augmentation of one image: each entry with its own probability, in the written order. `randomOf` returns the generator for the
 * nth entry of a name, so an entry draws the same numbers whatever other entries the list has. Consecutive movements and grey level changes
 * form one pass: the image is sampled only once for all of them. A missing field has its default in AUGMENTATION_OPTIONS. The fields are:
 * - rotate: ±degrees about the centre of the image.
 * - shiftScaleRotate: scale factor 1 ± scale, then ±degrees, then ±shift of the square's side.
 * - elastic, gridDistortion, wristCrop: see draw-warps.ts.
 * - brightnessContrast: v·(1 ± contrast) ± brightness.
 * - gamma: v^U(low, high).
 * - clahe: a clip limit of U(1, clipLimit) in tiles × tiles.
 * - gaussianBlur: a sigma of U(low, high) pixels of the square.
 * - gaussianNoise: a standard deviation of sigma.
 */
export function drawAugmentation(
  specs: readonly AugmentationSpec[],
  subject: Subject,
  randomOf: (name: AugmentationName, nth: number) => Random,
): DrawnAugmentation {
  const { width, height, carpals = [] } = subject;
  const [side, centreX, centreY] = [Math.max(width, height), (width - 1) / 2, (height - 1) / 2];
  const frame: Frame = { side, centreX, centreY, left: centreX - side / 2, top: centreY - side / 2 };
  const draft: Draft = { passes: [], warp: [], carpals };
  const notes: string[] = [];
  specs.forEach((spec, index) => {
    const { name, probability, ...options } = spec;
    const random = randomOf(name, specs.slice(0, index).filter((before) => before.name === name).length);
    if (random.next() >= probability) return;
    const label = STEPS[name]({ ...AUGMENTATION_OPTIONS[name], ...options } as Values, random, draft, frame);
    notes.push(label === undefined ? name : `${name} ${label}`);
  });
  return { passes: draft.passes, warp: draft.warp, notes };
}

/**
 * For each movement of the image except the last: all movements after it. Each pass maps the square to the square, so a part that a
 * movement takes outside the square stays black, even if a later movement moves that place back inside.
 */
export function warpsAfterCuts(passes: readonly Pass[]): readonly Warp[] {
  const warps = passes.flatMap((pass) => (pass.kind === 'sample' && pass.warp.length > 0 ? [pass.warp] : []));
  return warps.slice(1).map((_, index) => warps.slice(index + 1).flat());
}

type Sampling = Pass & { readonly kind: 'sample' };

/**
 * The passes for a crop: one sampling with all movements, then everything else in its order. So the image is sampled once, directly into
 * the crop, and no movement cuts off what a later one would bring back.
 */
export function movementsFirst({ passes, warp }: Pick<DrawnAugmentation, 'passes' | 'warp'>): readonly [Sampling, ...Pass[]] {
  const [first, ...others] = passes;
  const start: Sampling = { kind: 'sample', levels: first?.kind === 'sample' ? first.levels : UNIT_LEVELS, warp };
  const rest = first === undefined || first.kind === 'sample' ? others : passes;
  const unmoved = rest.map((pass) => (pass.kind === 'sample' ? { ...pass, warp: [] } : pass));
  return [start, ...unmoved.filter((pass) => pass.kind !== 'sample' || pass.levels !== UNIT_LEVELS)];
}

function move(draft: Draft, by: Warp[number]): void {
  draft.warp = joinWarp(draft.warp, by);
  changeSampling(draft, (pass) => ({ ...pass, warp: joinWarp(pass.warp, by) }));
}

function mapLevels(draft: Draft, map: (value: number) => number): void {
  changeSampling(draft, (pass) => ({ ...pass, levels: pass.levels.map(map) }));
}

/** Grey level changes and movements commute. Both go into the last pass if it is a sampling, otherwise into a new one. */
function changeSampling({ passes }: Draft, change: (pass: Sampling) => Sampling): void {
  const last = passes.at(-1);
  if (last?.kind === 'sample') passes[passes.length - 1] = change(last);
  else passes.push(change({ kind: 'sample', levels: UNIT_LEVELS, warp: [] }));
}

const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(1)}`;
const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;

function farthest(...moves: readonly Float64Array[]): number {
  return moves.flatMap((values) => [...values]).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** The generators of all entries for one image in one epoch. Batches and previews both use this, so they draw the same numbers. */
export function augmentationRandom(seed: number, epoch: number, imageName: string): (name: AugmentationName, nth: number) => Random {
  return (name, nth) => randomFor(seed, 'augment', epoch, imageName, name, nth);
}

/** The indexes of the carpal bones. */
export function carpalIndexes(classes: readonly string[]): ReadonlySet<number> {
  return new Set(boneGroups(classes).find(({ name }) => name === 'Carpals')?.indexes);
}
