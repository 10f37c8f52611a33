/** Explains ended attempts before their pods are gone: finds or stores their logs, and names the cause and the log of a failure. */
import { attemptLogKey, writeAttemptLog } from '@carpal/artifacts/logs.ts';
import { readReportedError } from '@carpal/artifacts/progress.ts';
import { stageErrorText } from '@carpal/artifacts/stage-error.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { plainText } from '@carpal/configs/plain-text.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, holdsPlace } from '@carpal/configs/schema/status.ts';
import { isActive, type StageRun } from '../experiment/observed.ts';
import { endMessage, outcomeOf } from '../experiment/retry-policy.ts';
import { stageAt, stopCauseOf } from '../experiment/stages.ts';

export type FailureContext = {
  readonly store: ArtifactStore;
  readonly experiment: SegmentationExperiment;
  /** Called if the store did not accept a log. */
  readonly onLost?: (run: StageRun, error: unknown) => void;
};

/** How long an unreachable store may delay the report of a failure. */
const EXPLAIN_WITHIN_MS = 5000;
/** An error of this length and the location of the log fit into the 1,000 characters that a status keeps of a message. */
const LONGEST_ERROR = 500;
const LONGEST_END = 250;

/**
 * The runs with the key of the log of every ended attempt, and a message for every failed one, if `status` does not count the end yet. A
 * run stays as it is if this takes longer than five seconds.
 */
export async function explainFailures(
  runs: readonly StageRun[],
  status: ExperimentStatus | undefined,
  context: FailureContext,
): Promise<readonly StageRun[]> {
  const explained = async (run: StageRun): Promise<StageRun> => {
    if (isActive(run) || !isUncounted(run, status)) return run;
    const { promise: late, resolve } = Promise.withResolvers<StageRun>();
    const timer = setTimeout(() => resolve(run), EXPLAIN_WITHIN_MS);
    try {
      const isFailure = run.state === 'failed' && !isExcused(run, status);
      const more = isFailure ? explainFailure(run, context) : findLog(run, context);
      return await Promise.race([more.catch(() => run), late]);
    } finally {
      clearTimeout(timer);
    }
  };
  return await Promise.all(runs.map(explained));
}

/** Whether the status has not counted the end of this attempt yet. */
function isUncounted(run: StageRun, status: ExperimentStatus | undefined): boolean {
  const stage = stageAt(status, run);
  if (stage === undefined) return true;
  return holdsPlace(stage) ? run.attempt >= stage.attempts : run.attempt > stage.attempts;
}

/** Whether the operator asked the attempt to stop: its end is not a failure. */
function isExcused(run: StageRun, status: ExperimentStatus | undefined): boolean {
  const stage = stageAt(status, run);
  const cause = stage === undefined || run.attempt !== stage.attempts ? undefined : stopCauseOf(stage);
  return outcomeOf(run, cause)?.kind === 'excused';
}

/** The run with the key of the log that the stage has stored. */
async function findLog(run: StageRun, { store, experiment }: FailureContext): Promise<StageRun> {
  const key = attemptLogKey(experiment, run);
  return (await store.list(key)).length > 0 ? { ...run, log: key } : run;
}

/**
 * The failed attempt with its log and a message: what the substrate reports about its end, then the stage's own error or otherwise the last
 * lines of its log, then where the log is stored. A stage stores its complete log itself; if it could not, the last lines are stored
 * instead. If the store is unreachable, the message contains the rest.
 */
export async function explainFailure(run: StageRun, { store, experiment, onLost }: FailureContext): Promise<StageRun> {
  const since = new Date(run.startedAt ?? run.pendingSince);
  const { lastLines = '', ...rest } = run;
  const [uri, error] = await Promise.all([
    writeAttemptLog(store, experiment, run, lastLines).catch((lost: unknown) => void onLost?.(run, lost)),
    readReportedError(store, experiment, run, since).catch(() => undefined),
  ]);
  const end = shortened(plainText(run.message ?? ''), LONGEST_END);
  const cause =
    error === undefined
      ? endMessage({ ...run, message: end })
      : joined('; ', end, shortened(plainText(stageErrorText(error)), LONGEST_ERROR));
  const message = joined(' ', cause, uri === undefined ? '' : `(log: ${uri})`);
  return {
    ...(message === '' ? run : { ...rest, message }),
    ...(uri === undefined ? {} : { log: attemptLogKey(experiment, run) }),
  };
}

const joined = (by: string, ...parts: readonly string[]): string => parts.filter((part) => part !== '').join(by);

const shortened = (text: string, longest: number): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
