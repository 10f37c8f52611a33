import { CarpalError } from '@carpal/configs/errors.ts';
import { randomFor, shuffled } from '@carpal/masks/random.ts';

export type FoldStrategy = 'group' | 'stratifiedGroup';

/** What determines a fold. The last three are used only by `stratifiedGroup`, if known. */
export type FoldSample = {
  readonly group: string;
  /** Area of all bones as a fraction of the image. */
  readonly boneArea?: number;
  readonly sex?: string;
  readonly heightCm?: number;
};

type Group = { readonly name: string; readonly images: number; readonly sex: string; readonly measure: number };

/**
 * Assigns every person to a fold. All images of a person are in one fold. The numbers of people in two folds differ by at most one; within
 * this limit, the numbers of images are balanced. Equal samples (in any order), folds and seed give equal folds. `group` assigns people at
 * random. `stratifiedGroup` first sorts them by sex and height. Where these are not known for everyone it sorts by bone area: only for
 * experiments that began before this was an error (check-dataset.ts). It then
 * assigns each group of `folds` neighbours to different folds, so that each fold has small and large hands, men and women. Throws
 * `folds-exceed-people`.
 */
export function assignFolds(
  samples: readonly FoldSample[],
  { folds, strategy, seed }: { folds: number; strategy: FoldStrategy; seed: number },
): Map<string, number> {
  const groups = gatherGroups(samples);
  if (folds > groups.length) {
    throw new CarpalError('folds-exceed-people', `${folds} folds for ${groups.length} ${groups.length === 1 ? 'person' : 'people'}`, {
      where: 'spec.dataset.split.folds',
    });
  }
  const random = randomFor(seed, 'folds', folds);
  const order = shuffled(groups, random);
  // The sort is stable, so people with equal values stay in random order. Without strata, people with the most images are assigned first,
  // which balances best.
  if (strategy === 'stratifiedGroup') order.sort((a, b) => compareText(a.sex, b.sex) || a.measure - b.measure);
  else order.sort((a, b) => b.images - a.images);

  const images = new Array<number>(folds).fill(0);
  const foldOf = new Map<string, number>();
  for (let start = 0; start < order.length; start += folds) {
    const dealt = shuffled(order.slice(start, start + folds), random).sort((a, b) => b.images - a.images);
    const takers = shuffled([...images.keys()], random).sort((a, b) => (images[a] ?? 0) - (images[b] ?? 0));
    dealt.forEach((group, index) => {
      const fold = takers[index] ?? 0;
      foldOf.set(group.name, fold);
      images[fold] = (images[fold] ?? 0) + group.images;
    });
  }
  return foldOf;
}

function gatherGroups(samples: readonly FoldSample[]): Group[] {
  const byName = new Map<string, FoldSample[]>();
  for (const sample of samples) {
    const members = byName.get(sample.group);
    if (members) members.push(sample);
    else byName.set(sample.group, [sample]);
  }
  const isTableComplete = samples.every(({ sex, heightCm }) => sex !== undefined && heightCm !== undefined);
  return [...byName]
    .map(([name, members]): Group => {
      const area = members.reduce((sum, { boneArea }) => sum + (boneArea ?? 0), 0) / members.length;
      const [first] = members;
      const measure = isTableComplete ? (first?.heightCm ?? 0) : area;
      return { name, images: members.length, sex: isTableComplete ? (first?.sex ?? '') : '', measure };
    })
    .sort((a, b) => compareText(a.name, b.name));
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
