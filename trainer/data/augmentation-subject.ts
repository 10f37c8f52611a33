import type { AugmentationName } from '@carpal/configs/schema/experiment.ts';
import { type Random, randomFor } from '@carpal/masks/random.ts';
import { boneGroups } from '@carpal/report/html/bone-groups.ts';

/** The numbers of every entry for one image in one epoch: batches and previews draw alike by asking here. */
export function augmentationRandom(seed: number, epoch: number, imageName: string): (name: AugmentationName, nth: number) => Random {
  return (name, nth) => randomFor(seed, 'augment', epoch, imageName, name, nth);
}

/** Which classes are carpal bones. */
export function carpalIndexes(classes: readonly string[]): ReadonlySet<number> {
  return new Set(boneGroups(classes).find(({ name }) => name === 'Carpals')?.indexes);
}
