/** Which experiment a work folder's run is: its uid, and the spec it began with. */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { formatPath } from '@carpal/configs/finding.ts';
import { immutableChanges } from '@carpal/configs/rules/immutability.ts';
import type { ExperimentSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';

type StoredRun = { readonly uid: string; readonly spec: ExperimentSpec };

/** The folder of an experiment's run within a work folder. */
export function runFolder(workFolder: string, { metadata }: Pick<SegmentationExperiment, 'metadata'>): string {
  return join(workFolder, 'runs', `${metadata.namespace}-${metadata.name}`);
}

async function readRun(path: string): Promise<StoredRun | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as StoredRun;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The spec that the run in this folder began with; undefined where there is none. */
export async function readRunSpec(folder: string): Promise<ExperimentSpec | undefined> {
  return (await readRun(join(folder, 'run.json')))?.spec;
}

/** The experiment with the uid of the run that is there, or as it is where there is none. Throws `manifest-immutable` as below. Writes nothing. */
export async function findRun(folder: string, experiment: SegmentationExperiment): Promise<SegmentationExperiment> {
  const stored = await readRun(join(folder, 'run.json'));
  if (stored === undefined) return experiment;
  const changes = immutableChanges(stored.spec, experiment.spec);
  if (changes.length > 0) {
    const lines = changes.map(({ path, message }) => `\n  ${formatPath(path)} ${message}`);
    throw new CarpalError('manifest-immutable', `the manifest is not the one that this run began with${lines.join('')}`, {
      where: folder,
      fix: 'Take the change back, give the changed experiment another metadata.name or --workdir, or start it over with --fresh.',
    });
  }
  return { ...experiment, metadata: { ...experiment.metadata, uid: stored.uid } };
}

/**
 * The experiment with its uid: that of the run in this folder, or a new one, which is stored. `fresh` forgets the run that is there (its
 * artifacts stay). Throws `manifest-immutable` naming every field that is not as the run began with.
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

/** Moved away first, so that a death halfway leaves no half of a run behind. */
async function forgetRun(folder: string): Promise<void> {
  const forgotten = `${folder}.forgotten-${process.pid}`;
  await withWriteErrors(folder, async () => {
    await rename(folder, forgotten).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    });
    await rm(forgotten, { recursive: true, force: true });
  });
}
