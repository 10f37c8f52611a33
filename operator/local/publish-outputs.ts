/**
 * Copies the outputs of an experiment from the store to a folder of the user. They get their final names only when all copies are complete.
 */

import { cp, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LogText } from '@carpal/artifacts/log-text.ts';
import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { ensembleKey, FILE, reportKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';

/** Written by the ensemble stage next to FILE.perClass. */
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

/**
 * Gives a copy its final name and replaces an existing file or folder of that name. A folder is moved aside first, because two folders
 * cannot be swapped in one operation.
 */
async function putInPlace(target: string): Promise<void> {
  const partial = partialOf(target);
  const former = `${target}.former-${process.pid}`;
  const isFolder = (await stat(partial)).isDirectory();
  if (isFolder && (await exists(target))) await rename(target, former);
  await rename(partial, target);
  await rm(former, { recursive: true, force: true });
}

/** Copies the outputs that exist to `out`, which is created if needed. Other files in that folder stay. */
export async function publishOutputs(store: ArtifactStore, experiment: SegmentationExperiment, out: string): Promise<readonly Published[]> {
  const ensemble = ensembleKey(experiment);
  const report = reportKey(experiment);
  const outputs = [
    { key: `${ensemble}/${FILE.submission}`, name: FILE.submission, what: 'one row per image and class' },
    { key: `${report}/${FILE.report}`, name: FILE.report, what: 'curves, Dice per class, best and worst cases' },
    { key: `${ensemble}/${SCORES}`, name: SCORES, what: 'out-of-fold Dice, overall and per class' },
    {
      key: `${ensemble}/${FILE.outOfFoldDice}`,
      name: FILE.outOfFoldDice,
      what: 'out-of-fold Dice per image and class, for carpal compare',
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
    // Everything is copied before the first output gets its final name, so a full disk leaves the folder unchanged.
    for (const { source, path } of copies) await withWriteErrors(path, () => cp(source, partialOf(path), { recursive: true }));
    for (const { path } of copies) await withWriteErrors(path, () => putInPlace(path));
  } catch (error) {
    for (const { path } of copies) await rm(partialOf(path), { recursive: true, force: true });
    if (!wasThere) await rmdir(out).catch(() => undefined);
    throw error;
  }
  return copies.map(({ path, what }) => ({ path, what }));
}

/** The number of test images in the submission; undefined if the ensemble did not record it. */
export async function countTestImages(store: ArtifactStore, experiment: SegmentationExperiment): Promise<number | undefined> {
  const content = await store.readIfPresent(`${ensembleKey(experiment)}/${SCORES}`);
  if (content === undefined) return undefined;
  const { testImages } = JSON.parse(content.toString('utf8')) as { testImages?: number };
  return testImages;
}

/** The log files of the run folder: the name of an attempt, with `.log`. */
const LOG_FILE = /-(?:(prepare|ensemble)|fold-(\d+))-(\d+)\.log$/;

/**
 * Copies the logs of all attempts into the store, so that they are kept when the run folder is removed. They replace what the stages stored
 * themselves, because a killed stage could not store its last lines.
 */
export async function keepLogs(store: ArtifactStore, experiment: SegmentationExperiment, logs: string): Promise<void> {
  for (const name of await readdir(logs)) {
    const [, stage, fold, attempt] = LOG_FILE.exec(name) ?? [];
    if (attempt === undefined) continue;
    const key = stage === undefined ? { stage: 'fold' as const, fold: Number(fold) } : { stage: stage as 'prepare' | 'ensemble' };
    const text = new LogText();
    text.add(await readFile(join(logs, name), 'utf8'));
    await store.write(attemptLogKey(experiment, { ...key, attempt: Number(attempt) }), text.toString());
  }
}
