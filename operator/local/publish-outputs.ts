/** What an experiment leaves for its owner, copied from the store to a folder of theirs; under their final names only when all are whole. */

import { cp, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { ensembleKey, FILE, reportKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';

/** Written by the ensemble stage beside FILE.perClass. */
const SCORES = 'scores.json';

export type Published = { readonly path: string; readonly what: string };

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

const partialOf = (target: string): string => `${target}.partial-${process.pid}`;

/** Gives a copy its final name, in the place of whatever is there. A folder is moved aside first: nothing swaps two folders at once. */
async function putInPlace(target: string): Promise<void> {
  const partial = partialOf(target);
  const former = `${target}.former-${process.pid}`;
  const isFolder = (await stat(partial)).isDirectory();
  if (isFolder && (await exists(target))) await rename(target, former);
  await rename(partial, target);
  await rm(former, { recursive: true, force: true });
}

/** Copies the outputs that there are to `out`, which is made. Other files of that folder are left alone. */
export async function publishOutputs(store: ArtifactStore, experiment: SegmentationExperiment, out: string): Promise<readonly Published[]> {
  const ensemble = ensembleKey(experiment);
  const report = reportKey(experiment);
  const outputs = [
    { key: `${ensemble}/${FILE.submission}`, name: FILE.submission, what: 'one row an image and class' },
    { key: `${report}/${FILE.report}`, name: FILE.report, what: 'curves, Dice of each class, best and worst cases' },
    { key: `${ensemble}/${SCORES}`, name: SCORES, what: 'out-of-fold Dice in all and of each class' },
    {
      key: `${ensemble}/${FILE.outOfFoldDice}`,
      name: FILE.outOfFoldDice,
      what: 'out-of-fold Dice of each image and class, for carpal compare',
    },
    { key: `${ensemble}/${FILE.learningCurves}`, name: FILE.learningCurves, what: 'the epochs of each fold, for carpal compare' },
    { key: `${report}/${FILE.overlays}`, name: FILE.overlays, what: 'the masks drawn over the images' },
  ];
  const wasThere = await exists(out);
  await makeFolder(out);
  const copies: (Published & { readonly source: string })[] = [];
  for (const { key, name, what } of outputs) {
    if ((await store.list(key)).length > 0) copies.push({ source: await store.checkout(key), path: join(out, name), what });
  }
  try {
    // All are copied before the first is put in place: a disk that fills up leaves the folder as it was.
    for (const { source, path } of copies) await withWriteErrors(path, () => cp(source, partialOf(path), { recursive: true }));
    for (const { path } of copies) await withWriteErrors(path, () => putInPlace(path));
  } catch (error) {
    for (const { path } of copies) await rm(partialOf(path), { recursive: true, force: true });
    if (!wasThere) await rmdir(out).catch(() => undefined);
    throw error;
  }
  return copies.map(({ path, what }) => ({ path, what }));
}

/** How many images of the test half the submission covers; undefined where the ensemble did not say. */
export async function countTestImages(store: ArtifactStore, experiment: SegmentationExperiment): Promise<number | undefined> {
  const content = await store.readIfPresent(`${ensembleKey(experiment)}/${SCORES}`);
  if (content === undefined) return undefined;
  const { testImages } = JSON.parse(content.toString('utf8')) as { testImages?: number };
  return testImages;
}

/** Copies the logs of all attempts into the report, so that they outlive the work folder's run. */
export async function keepLogs(store: ArtifactStore, experiment: SegmentationExperiment, logs: string): Promise<void> {
  const names = (await readdir(logs)).filter((name) => name.endsWith('.log'));
  if (names.length === 0) return;
  const folder = `${reportKey(experiment)}/${FILE.log}`;
  for (const name of names) await store.write(`${folder}/${name.replace(/\.log$/, '.txt')}`, await readFile(join(logs, name)));
}
