/** Finds the metrics of a past run: a file, the folder of an experiment here or in S3, or a run in the work folder by its name. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readExperimentRecord } from '@carpal/artifacts/experiment-record.ts';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';

export type PastRun = {
  /** A title for people. */
  readonly title: string;
  /** The manifest of the run; undefined for a single metrics.ndjson. */
  readonly experiment: SegmentationExperiment | undefined;
  /** One list per fold that has finished an epoch. */
  readonly folds: readonly (readonly EpochMetrics[])[];
};

/** Reads a past run. A name is looked up in `workFolder`. Throws `cost-unmeasured` if the run does not exist. */
export async function readPastRun(place: string, workFolder: string): Promise<PastRun> {
  const run = await find(place, workFolder);
  const folds = run.folds.filter((metrics) => metrics.length > 0);
  if (folds.length === 0) throw new CarpalError('cost-unmeasured', 'the run has not finished an epoch yet', { where: place });
  return { ...run, folds };
}

async function find(place: string, workFolder: string): Promise<PastRun> {
  if (/^s3:\/\//i.test(place)) return await ofFolder(openStore(place), '', place);
  if (existsSync(place)) {
    if (statSync(place).isDirectory()) return await ofFolder(openStore(place), '', place);
    return { title: place, experiment: undefined, folds: [await readMetrics(openStore(dirname(place)), basename(place))] };
  }
  const artifacts = join(workFolder, 'artifacts');
  const named = existsSync(artifacts) && /^[a-z0-9][a-z0-9-]*$/.test(place) ? await newestOf(openStore(artifacts), place) : undefined;
  if (named !== undefined) return await ofFolder(openStore(artifacts), named, place);
  throw new CarpalError('cost-unmeasured', `there is no run "${place}": neither a file, nor a folder, nor a name under ${artifacts}`, {
    where: '--history',
    fix: 'Give the path of a metrics.ndjson, the folder or s3:// URI of an experiment (status.artifacts names it), or the name of a local run.',
  });
}

/** The key of the newest experiment of that name in the default namespace. */
async function newestOf(store: ArtifactStore, name: string): Promise<string | undefined> {
  const prefix = `experiments/default/${name}`;
  const records = (await store.list(prefix)).filter(({ key }) => basename(key) === FILE.metrics);
  const newest = records.toSorted((a, b) => b.modifiedMs - a.modifiedMs)[0];
  const uid = newest?.key.slice(prefix.length + 1).split('/')[0];
  return uid === undefined ? undefined : `${prefix}/${uid}`;
}

async function ofFolder(store: ArtifactStore, prefix: string, title: string): Promise<PastRun> {
  const under = (name: string): string => (prefix === '' ? name : `${prefix}/${name}`);
  const keys = (await store.list(under('folds'))).map(({ key }) => key).filter((key) => basename(key) === FILE.metrics);
  const folds = await Promise.all(keys.map((key) => readMetrics(store, key)));
  return { title, experiment: await recordOf(store, under(FILE.experiment)), folds };
}

async function recordOf(store: ArtifactStore, key: string): Promise<SegmentationExperiment | undefined> {
  try {
    return await readExperimentRecord(store, key);
  } catch (cause) {
    throw new CarpalError('cost-unmeasured', 'the record of the run cannot be read', { where: key, cause });
  }
}
