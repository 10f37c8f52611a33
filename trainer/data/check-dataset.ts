import { CarpalError } from '@carpal/configs/errors.ts';
import { type Dataset, discoverDataset, type Sample } from '@carpal/report/dataset/discover.ts';
import { lackingPeople, readPersonTable } from '@carpal/report/dataset/person-table.ts';
import { assignFolds, type FoldStrategy } from './folds.ts';

type Split = { readonly folds: number; readonly strategy: FoldStrategy; readonly seed: number };

/**
 * Checks everything about a data set that needs no image to be opened, so that these errors appear immediately. Throws what {@link
 * discoverDataset} and {@link checkNames} throw, and `folds-exceed-people`.
 */
export async function checkDataset(folder: string, split: Split): Promise<Dataset> {
  const dataset = await discoverDataset(folder);
  checkNames(dataset);
  assignFolds(dataset.train, split);
  return dataset;
}

/** How many people a message names. */
const PEOPLE_NAMED = 5;

/**
 * Checks, for an experiment that begins, that the table of people has what its split needs: `stratifiedGroup` needs sex and height of
 * everyone. Returns a warning if another split does not use a table that cannot be read. Throws `split-impossible` or `table-unreadable`.
 * Not for an experiment that has begun: it goes on with the split of its prepared set.
 */
export async function checkPeople({ folder, train }: Dataset, { strategy }: Split): Promise<string | undefined> {
  const impossible = (what: string, where: string): CarpalError => new CarpalError('split-impossible', what, { where });
  try {
    const table = await readPersonTable(folder);
    if (strategy !== 'stratifiedGroup') return undefined;
    if (!table) throw impossible('there is no table of people', folder);
    const { path, missingColumns } = table;
    if (missingColumns.length > 0) throw impossible(`the table has no column for ${missingColumns.join(' and ')}`, path);
    const lacking = lackingPeople(table, train);
    if (lacking.length === 0) return undefined;
    const named = lacking.slice(0, PEOPLE_NAMED).join(', ');
    const more = lacking.length > PEOPLE_NAMED ? ', …' : '';
    throw impossible(
      `sex or height of ${lacking.length} of ${new Set(train.map(({ group }) => group)).size} people is missing: ${named}${more}`,
      path,
    );
  } catch (error) {
    const isUnused = strategy !== 'stratifiedGroup' && error instanceof CarpalError && error.code === 'table-unreadable';
    if (!isUnused) throw error;
    return `the table of people is not used, because ${error.message}`;
  }
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
