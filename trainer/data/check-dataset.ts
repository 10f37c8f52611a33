import { CarpalError } from '@carpal/configs/errors.ts';
import { type Dataset, discoverDataset, type Sample } from '@carpal/report/dataset/discover.ts';
import { assignFolds, type FoldStrategy } from './folds.ts';

/**
 * What can be told of a data set without opening a file, so that it is told at once: throws what {@link discoverDataset} and
 * {@link checkNames} throw, and `folds-exceed-people`.
 */
export async function checkDataset(folder: string, split: { folds: number; strategy: FoldStrategy; seed: number }): Promise<void> {
  const dataset = await discoverDataset(folder);
  checkNames(dataset);
  assignFolds(dataset.train, split);
}

/** What can be told from names alone: throws `annotation-missing`, or `dataset-layout` for two images of one name. */
export function checkNames({ train, test }: Dataset): void {
  const bare = train.find(({ annotationPath }) => annotationPath === undefined);
  if (bare)
    throw new CarpalError('annotation-missing', 'the image has no annotation of its name in train/outputs_json', { where: bare.imagePath });
  const known = new Map<string, Sample>();
  for (const sample of [...train, ...test]) {
    const earlier = known.get(sample.imageName);
    if (earlier) {
      throw new CarpalError('dataset-layout', `two images are called ${sample.imageName}, and a submission could not tell them apart`, {
        where: `${earlier.imagePath} and ${sample.imagePath}`,
        fix: 'Give every image of the data set a name of its own.',
      });
    }
    known.set(sample.imageName, sample);
  }
}
