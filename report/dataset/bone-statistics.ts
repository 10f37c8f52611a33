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

/** Collects areas and overlaps image by image. `add` takes the masks of one image in class order; a missing class has an empty mask. */
export function gatherBones(classes: readonly string[]): { add(masks: readonly RleMask[]): void; finish(): BoneStatistics } {
  const areas = classes.map((): number[] => []);
  const pairs = new Map<number, { images: number; iou: number; shareOfFirst: number; shareOfSecond: number }>();
  return {
    add(masks) {
      const sizes = masks.map(area);
      const boxes = masks.map(boundingBox);
      sizes.forEach((size, index) => {
        if (size > 0) areas[index]?.push(size);
      });
      for (let i = 0; i < masks.length; i++) {
        for (let j = i + 1; j < masks.length; j++) {
          if (!meet(boxes[i], boxes[j])) continue;
          const shared = intersectionArea(masks[i] as RleMask, masks[j] as RleMask);
          if (shared === 0) continue;
          const [first, second] = [sizes[i] as number, sizes[j] as number];
          const pair = pairs.get(i * classes.length + j) ?? { images: 0, iou: 0, shareOfFirst: 0, shareOfSecond: 0 };
          pair.images++;
          pair.iou += shared / (first + second - shared);
          pair.shareOfFirst += shared / first;
          pair.shareOfSecond += shared / second;
          pairs.set(i * classes.length + j, pair);
        }
      }
    },
    finish: () => ({
      classes: classes.map((name, index) => ({ name, ...summary(areas[index] ?? []) })),
      overlaps: [...pairs]
        .map(([at, { images, iou, shareOfFirst, shareOfSecond }]) => ({
          first: classes[Math.floor(at / classes.length)] ?? '',
          second: classes[at % classes.length] ?? '',
          images,
          iou: iou / images,
          shareOfFirst: shareOfFirst / images,
          shareOfSecond: shareOfSecond / images,
        }))
        .sort((a, b) => b.images - a.images || b.iou - a.iou),
    }),
  };
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
