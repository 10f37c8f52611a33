import { join } from 'node:path';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import { learningCurvesSchema, outOfFoldDiceSchema } from '@carpal/configs/schema/run-figures.ts';
import type { RunFigures } from '@carpal/report/statistics/compare-runs.ts';
import type { z } from 'zod';

const MISSING =
  'Give the --out folder of a complete run, or the folder of its experiment in the artifacts. The ensemble stage writes the file; run it again where an older carpal has made the run.';

/**
 * What a run has left for comparisons. `store` is opened at `place`: an out folder, or the folder of an experiment, whose ensemble has the
 * files. Throws artifact-missing where one is not there, run-unreadable where one is not of its form.
 */
export async function readRun(store: ArtifactStore, place: string): Promise<RunFigures> {
  const folder = (await store.readIfPresent(FILE.outOfFoldDice)) === undefined && (await isExperiment(store)) ? 'ensemble/' : '';
  return {
    place,
    outOfFold: await readFigures(store, place, `${folder}${FILE.outOfFoldDice}`, outOfFoldDiceSchema),
    curves: await readFigures(store, place, `${folder}${FILE.learningCurves}`, learningCurvesSchema),
  };
}

async function isExperiment(store: ArtifactStore): Promise<boolean> {
  if ((await store.readIfPresent(FILE.experiment)) !== undefined) return true;
  return (await store.list('ensemble')).length > 0;
}

async function readFigures<Figures>(store: ArtifactStore, place: string, key: string, schema: z.ZodType<Figures>): Promise<Figures> {
  const where = /^[a-z0-9]+:\/\//i.test(place) ? `${place.replace(/\/$/, '')}/${key}` : join(place, key);
  const bytes = await store.readIfPresent(key);
  if (bytes === undefined) throw new CarpalError('artifact-missing', 'the run has not this file', { where, fix: MISSING });
  const figures = schema.safeParse(parsed(bytes, where));
  if (figures.success) return figures.data;
  const [issue] = figures.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new CarpalError('run-unreadable', `${field === '' ? '' : `${field}: `}${issue?.message ?? 'not of its form'}`, { where });
}

function parsed(bytes: Buffer, where: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new CarpalError('run-unreadable', 'it is not JSON', { where, cause });
  }
}
