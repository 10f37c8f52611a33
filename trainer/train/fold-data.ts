import { CarpalError } from '@carpal/configs/errors.ts';
import type { SplitSpec } from '@carpal/configs/schema/experiment.ts';
import { assignFolds } from '../data/folds.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';

/** What a fold trains on and what it is measured on. No person is in both. */
export type FoldSamples = { readonly train: readonly PreparedSample[]; readonly validation: readonly PreparedSample[] };

/** The annotated samples of a prepared set, divided for one fold. Throws `folds-exceed-people` where there are too few people. */
export function splitFold(prepared: Pick<PreparedSet, 'samples'>, split: SplitSpec, fold: number): FoldSamples {
  const samples = prepared.samples.filter(({ half }) => half === 'train');
  const foldOf = assignFolds(samples, split);
  const validation = samples.filter(({ group }) => foldOf.get(group) === fold);
  if (validation.length === 0) throw new CarpalError('usage-invalid', `fold ${fold} of ${split.folds} holds nobody`, { where: '--fold' });
  return { train: samples.filter(({ group }) => foldOf.get(group) !== fold), validation };
}
