import { CarpalError } from '@carpal/configs/errors.ts';
import { type Dataset, discoverDataset, type Sample } from '@carpal/report/dataset/discover.ts';
import { assignFolds, type FoldStrategy } from './folds.ts';

/**
 * Checks everything about a data set that needs no file to be opened, so that these errors appear immediately. Throws what {@link
 * discoverDataset} and {@link checkNames} throw, and `folds-exceed-people`.
 */
export async function checkDataset(folder: string, split: { folds: number; strategy: FoldStrategy; seed: number }): Promise<void> {
  const dataset = await discoverDataset(folder);
  checkNames(dataset);
  assignFolds(dataset.train, split);
}

/** Checks file names. Throws `annotation-missing`, or `dataset-layout` for two images with the same name. */
export function checkNames({ train, test }: Dataset): void {
  const bare = train.find(({ annotationPath }) => annotationPath === undefined);
  if (bare)
    throw new CarpalError('annotation-missing', 'the image has no annotation with its name in train/outputs_json', {
      where: bare.imagePath,
    });
  const known = new Map<string, Sample>();
  for (const sample of [...train, ...test]) {
    const earlier = known.get(sample.imageName);
    if (earlier) {
      throw new CarpalError('dataset-layout', `two images are named ${sample.imageName}, and a submission could not distinguish them`, {
        where: `${earlier.imagePath} and ${sample.imagePath}`,
        fix: 'Give every image of the data set a unique name.',
      });
    }
    known.set(sample.imageName, sample);
  }
}
