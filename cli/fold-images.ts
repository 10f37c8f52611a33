import type { SplitSpec } from '@carpal/configs/schema/experiment.ts';
import type { FoldImages } from '@carpal/operator/cost/fold-time.ts';
import type { Sample } from '@carpal/report/dataset/discover.ts';
import { assignFolds } from '@carpal/trainer/data/folds.ts';

/** The number of training and validation images of every fold of a split. Throws `folds-exceed-people`. */
export function foldImages(train: readonly Sample[], split: SplitSpec): readonly FoldImages[] {
  const foldOf = assignFolds(train, split);
  return Array.from({ length: split.folds }, (_, fold) => {
    const validation = train.filter(({ group }) => foldOf.get(group) === fold).length;
    return { fold, train: train.length - validation, validation };
  });
}
