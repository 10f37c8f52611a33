import { intersectionArea } from '@carpal/masks/combine.ts';
import { area, type Box, boundingBox } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';

/** The areas, in pixels, of one class over the images that contain it. `std` is the population standard deviation. */
type ClassStatistics = {
  readonly name: string;
  readonly images: number;
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
};

/**
 * Two classes that share pixels: the number of images in which they do, and means over these images. `shareOfFirst` is the fraction of the
 * first class that the second one covers.
 */
type OverlapStatistics = {
  readonly first: string;
  readonly second: string;
  readonly images: number;
  readonly iou: number;
  readonly shareOfFirst: number;
  readonly shareOfSecond: number;
};

export type BoneStatistics = {
  /** In class order. */
  readonly classes: readonly ClassStatistics[];
  /** Pairs that overlap in at least one image, sorted by number of images, then by mean IoU, both descending. */
  readonly overlaps: readonly OverlapStatistics[];
};

/** The pixels that two classes share in one image; `pair` is first · classes + second. */
type SharedPixels = { readonly pair: number; readonly shared: number; readonly first: number; readonly second: number };
type ImageAreas = { readonly sizes: readonly number[]; readonly overlaps: readonly SharedPixels[] };

/**
 * Collects areas and overlaps image by image. `add` takes the index of an image and its masks in class order; a missing class has an empty
 * mask. The result does not depend on the order of the calls: sums are formed in the order of the indexes, because float addition is not
 * associative.
 */
export function gatherBones(classes: readonly string[]): {
  add(image: number, masks: readonly RleMask[]): void;
  finish(): BoneStatistics;
} {
  const areas: ImageAreas[] = [];
  return {
    add(image, masks) {
      areas[image] = areasOf(masks, classes.length);
    },
    finish: () => {
      const images = areas.filter((image) => image !== undefined);
      const sizesOf = (index: number): number[] => images.map(({ sizes }) => sizes[index] as number).filter((size) => size > 0);
      return {
        classes: classes.map((name, index) => ({ name, ...summary(sizesOf(index)) })),
        overlaps: overlapsOf(
          images.flatMap(({ overlaps }) => overlaps),
          classes,
        ),
      };
    },
  };
}

function areasOf(masks: readonly RleMask[], classes: number): ImageAreas {
  const sizes = masks.map(area);
  const boxes = masks.map(boundingBox);
  const overlaps: SharedPixels[] = [];
  for (let i = 0; i < masks.length; i++) {
    for (let j = i + 1; j < masks.length; j++) {
      if (!meet(boxes[i], boxes[j])) continue;
      const shared = intersectionArea(masks[i] as RleMask, masks[j] as RleMask);
      if (shared > 0) overlaps.push({ pair: i * classes + j, shared, first: sizes[i] as number, second: sizes[j] as number });
    }
  }
  return { sizes, overlaps };
}

function overlapsOf(found: readonly SharedPixels[], classes: readonly string[]): OverlapStatistics[] {
  const pairs = new Map<number, { images: number; iou: number; shareOfFirst: number; shareOfSecond: number }>();
  for (const { pair, shared, first, second } of found) {
    const sums = pairs.get(pair) ?? { images: 0, iou: 0, shareOfFirst: 0, shareOfSecond: 0 };
    sums.images++;
    sums.iou += shared / (first + second - shared);
    sums.shareOfFirst += shared / first;
    sums.shareOfSecond += shared / second;
    pairs.set(pair, sums);
  }
  return [...pairs]
    .map(([pair, { images, iou, shareOfFirst, shareOfSecond }]) => ({
      first: classes[Math.floor(pair / classes.length)] ?? '',
      second: classes[pair % classes.length] ?? '',
      images,
      iou: iou / images,
      shareOfFirst: shareOfFirst / images,
      shareOfSecond: shareOfSecond / images,
    }))
    .sort((a, b) => b.images - a.images || b.iou - a.iou);
}

function meet(a: Box | undefined, b: Box | undefined): boolean {
  return a !== undefined && b !== undefined && a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;
}

function summary(values: readonly number[]): { images: number; mean: number; std: number; min: number; max: number } {
  const images = values.length;
  if (images === 0) return { images, mean: 0, std: 0, min: 0, max: 0 };
  const mean = values.reduce((sum, value) => sum + value, 0) / images;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / images;
  const extremes = values.reduce(({ min, max }, value) => ({ min: Math.min(min, value), max: Math.max(max, value) }), {
    min: Infinity,
    max: 0,
  });
  return { images, mean, std: Math.sqrt(variance), ...extremes };
}
