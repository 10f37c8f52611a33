/** The folder of a run in a work folder: which experiment it is (run.json: uid and spec), and its status (status.json). */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { formatPath } from '@carpal/configs/finding.ts';
import { immutableChanges } from '@carpal/configs/rules/immutability.ts';
import { continuedSinceEarlier } from '@carpal/configs/schema/earlier-options.ts';
import type { ExperimentSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';

type StoredRun = { readonly uid: string; readonly spec: ExperimentSpec };

/** The folder of an experiment's run within a work folder. */
export function runFolder(workFolder: string, { metadata }: Pick<SegmentationExperiment, 'metadata'>): string {
  return join(workFolder, 'runs', `${metadata.namespace}-${metadata.name}`);
}

async function readIfPresent<Content>(path: string): Promise<Content | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Content;
  } catch (error) {
    // A file in the place of a folder is reported when the folder is made.
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

const readRun = (folder: string): Promise<StoredRun | undefined> => readIfPresent<StoredRun>(join(folder, 'run.json'));

/** The spec that the run in this folder started with; undefined if there is no run. */
export async function readRunSpec(folder: string): Promise<ExperimentSpec | undefined> {
  return (await readRun(folder))?.spec;
}

/**
 * The experiment with the uid of the run in this folder, or unchanged if there is no run. A run that version 0.1 began keeps its network.
 * Writes nothing. Throws `manifest-immutable` like `openRun`.
 */
export async function findRun(folder: string, experiment: SegmentationExperiment): Promise<SegmentationExperiment> {
  const stored = await readRun(folder);
  if (stored === undefined) return experiment;
  const { begun, now: spec } = continuedSinceEarlier(stored.spec, experiment.spec);
  const changes = immutableChanges(begun, spec);
  if (changes.length > 0) {
    const lines = changes.map(({ path, message }) => `\n  ${formatPath(path)} ${message}`);
    throw new CarpalError('manifest-immutable', `the manifest differs from the one that this run started with${lines.join('')}`, {
      where: folder,
      fix: 'Undo the change, use another metadata.name or --workdir for the changed experiment, or start over with --fresh.',
    });
  }
  return { ...experiment, spec, metadata: { ...experiment.metadata, uid: stored.uid } };
}

/**
 * The experiment with the uid of the run in this folder, or with a new uid, which is stored. `fresh` deletes the record of the existing
 * run; its artifacts stay. Throws `manifest-immutable` with every field that differs from what the run started with.
 */
export async function openRun(folder: string, experiment: SegmentationExperiment, fresh: boolean): Promise<SegmentationExperiment> {
  if (fresh) await forgetRun(folder);
  const found = await findRun(folder, experiment);
  if (found !== experiment) return found;
  const uid = experiment.metadata.uid ?? randomUUID();
  const stored: StoredRun = { uid, spec: experiment.spec };
  await writeFileAtomically(join(folder, 'run.json'), `${JSON.stringify(stored, null, 2)}\n`);
  return { ...experiment, metadata: { ...experiment.metadata, uid } };
}

/** The folder is renamed first, so that an interruption leaves no partly removed run. */
async function forgetRun(folder: string): Promise<void> {
  const forgotten = `${folder}.forgotten-${process.pid}`;
  await withWriteErrors(folder, async () => {
    await rename(folder, forgotten).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    });
    await rm(forgotten, { recursive: true, force: true });
  });
}

/** The status that the planner wrote last; undefined before the first one. */
export async function readStatusFile(folder: string): Promise<ExperimentStatus | undefined> {
  return await readIfPresent<ExperimentStatus>(join(folder, 'status.json'));
}

export async function writeStatusFile(folder: string, status: ExperimentStatus): Promise<void> {
  await writeFileAtomically(join(folder, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
}
