/**
 * What continues an experiment that has failed stages or has ended: a higher run.retry gives failed stages new budgets, and a change of
 * inference or ensemble runs only the ensemble stage again.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { ensembleSchema, inferenceSchema } from '@carpal/configs/schema/learning.ts';
import { type ExperimentStatus, FRESH_STAGE, isTerminal, isTrue, type StageStatus } from '@carpal/configs/schema/status.ts';
import { isActive, type StageRun } from './observed.ts';
import { mapStages, stageAt } from './stages.ts';

/** The part of a manifest that decides whether the experiment continues. */
export type ReopeningSpec = {
  readonly metadata: { readonly generation?: number | undefined };
  readonly spec: {
    readonly run?: { readonly retry?: number };
    /** May lack values that equal the defaults. */
    readonly inference?: object;
    readonly ensemble?: object;
  };
};

/** The part of a status that decides whether the experiment continues. */
export type ReopeningStatus = Pick<
  ExperimentStatus,
  'conditions' | 'observedGeneration' | 'retry' | 'ensembleInputs' | 'artifactsRemovedAt'
>;

/**
 * Whether this ended experiment continues. Reads nothing else, so a trimmed object is enough. The planner then still waits until every
 * attempt of the experiment has ended.
 */
export function reopens(experiment: ReopeningSpec, status: ReopeningStatus): boolean {
  return isTerminal(status) && (asksForRetry(experiment, status) || hasNewEnsembleInputs(experiment, status));
}

/** Without a change of the spec, the API server accepts no status that reopens the experiment. */
const hasChanged = ({ metadata: { generation } }: ReopeningSpec, { observedGeneration }: ReopeningStatus): boolean =>
  generation === undefined || (observedGeneration ?? 0) < generation;

function asksForRetry(experiment: ReopeningSpec, status: ReopeningStatus): boolean {
  if ((experiment.spec.run?.retry ?? 0) <= (status.retry ?? 0)) return false;
  if (!isTerminal(status)) return true;
  return !isTrue(status, 'Complete') && hasChanged(experiment, status);
}

/** Without its artifacts the ensemble cannot run again. A status of an older version does not record the inputs. */
function hasNewEnsembleInputs(experiment: ReopeningSpec, status: ReopeningStatus): boolean {
  if (status.ensembleInputs === undefined || status.artifactsRemovedAt !== undefined) return false;
  return hasChanged(experiment, status) && ensembleInputs(experiment) !== status.ensembleInputs;
}

const HASH_DIGITS = 16;
const DEFAULTS = { inference: inferenceSchema.parse({ window: {} }), ensemble: ensembleSchema.parse({}) };

/**
 * A hash of inference and ensemble. Values that equal the defaults do not count: a manifest with them and one without them are equal, and
 * so is a field that a newer version of the schema adds.
 */
export function ensembleInputs({ spec: { inference = {}, ensemble = {} } }: ReopeningSpec): string {
  const text = JSON.stringify(differences({ inference, ensemble }, DEFAULTS));
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
}

/** The fields of `value` that differ from `defaults`, sorted by name. */
function differences(value: object, defaults: object): object {
  const known: Record<string, unknown> = { ...defaults };
  const isObject = (one: unknown): one is object => typeof one === 'object' && one !== null && !Array.isArray(one);
  const entries = Object.entries(value)
    .filter(([name, field]) => field !== undefined && (isObject(field) || !isDeepStrictEqual(field, known[name])))
    .map(([name, field]) => [name, isObject(field) ? differences(field, isObject(known[name]) ? known[name] : {}) : field] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What a change of the manifest asks for: `status` is the one from which the experiment continues. `isDelayed`: it takes effect once the
 * attempts of the stages that continue have ended. Undefined without such a change.
 */
export type Reopening = { readonly status: ExperimentStatus } | { readonly isDelayed: true };

export function reopening(experiment: SegmentationExperiment, status: ExperimentStatus, runs: readonly StageRun[]): Reopening | undefined {
  const retry = asksForRetry(experiment, status);
  const newEnsemble = isTerminal(status) && hasNewEnsembleInputs(experiment, status);
  if (!retry && !newEnsemble) return undefined;
  if (hasLeftovers(status, runs)) return { isDelayed: true };
  if (retry && status.artifactsRemovedAt !== undefined) return { status: fromTheBeginning(status) };
  const { finishedAt: _finishedAt, ...kept } = status;
  const continued = mapStages(kept, ({ stage: kind }, stage) => {
    if (newEnsemble && kind === 'ensemble') return renewed(stage);
    if (retry && stage.state === 'Failed') return renewed(stage);
    return isTerminal(status) && stage.state === 'Stopped' ? { ...stage, state: 'Waiting' } : stage;
  });
  return { status: { ...kept, ...continued } };
}

/** Whether an attempt of a stage that has ended still runs: it was asked to stop, and its end must not count for the reopened stage. */
function hasLeftovers(status: ExperimentStatus, runs: readonly StageRun[]): boolean {
  const ended = isTerminal(status);
  return runs.some((run) => isActive(run) && (ended || stageAt(status, run)?.state === 'Failed'));
}

/** The stage with new budgets. Its attempts stay counted, because each has a name of its own. */
function renewed({ attempts, lastAttempts }: StageStatus): StageStatus {
  return { ...FRESH_STAGE, attempts, ...(lastAttempts === undefined ? {} : { lastAttempts }) };
}

/** The artifacts are gone, so every stage runs again. */
function fromTheBeginning(status: ExperimentStatus): ExperimentStatus {
  const { finishedAt: _finishedAt, artifactsRemovedAt: _removed, ensembleInputs: _inputs, ...kept } = status;
  const fresh = ({ attempts }: StageStatus): StageStatus => ({ ...FRESH_STAGE, attempts });
  const folds = status.folds.map((fold) => ({ index: fold.index, ...fresh(fold) }));
  return { ...kept, prepare: fresh(status.prepare), folds, ensemble: fresh(status.ensemble) };
}
