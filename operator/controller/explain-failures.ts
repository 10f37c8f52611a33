/** Explains failed attempts before their pods are gone: stores their logs, and names the cause and the log in their messages. */
import { writeAttemptLog } from '@carpal/artifacts/logs.ts';
import { readReportedError } from '@carpal/artifacts/progress.ts';
import { stageErrorText } from '@carpal/artifacts/stage-error.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, holdsPlace } from '@carpal/configs/schema/status.ts';
import type { StageRun } from '../experiment/observed.ts';
import { endMessage, outcomeOf } from '../experiment/retry-policy.ts';
import { stageAt } from '../experiment/stages.ts';

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
 * The runs with an explanation for every failed attempt that `status` does not count yet. A message stays as it is if the explanation takes
 * longer than five seconds.
 */
export async function explainFailures(
  runs: readonly StageRun[],
  status: ExperimentStatus | undefined,
  context: FailureContext,
): Promise<readonly StageRun[]> {
  const explained = async (run: StageRun): Promise<StageRun> => {
    if (run.state !== 'failed' || !isUncounted(run, status)) return run;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), EXPLAIN_WITHIN_MS);
    try {
      const message = await Promise.race([explainFailure(run, context).catch(() => undefined), late]);
      const { lastLines: _lastLines, ...rest } = run;
      return message === undefined ? run : { ...rest, message };
    } finally {
      clearTimeout(timer);
    }
  };
  return await Promise.all(runs.map(explained));
}

/** Whether the status has not counted this failure yet. A stop that the operator requested is not a failure. */
function isUncounted(run: StageRun, status: ExperimentStatus | undefined): boolean {
  const stage = stageAt(status, run);
  if (stage === undefined) return true;
  const askedToStop = (stage.state === 'Stopping' || stage.state === 'Stopped') && run.attempt === stage.attempts;
  if (outcomeOf(run, askedToStop)?.kind === 'excused') return false;
  return holdsPlace(stage) ? run.attempt >= stage.attempts : run.attempt > stage.attempts;
}

/**
 * The message of a failed attempt: what the substrate reports about its end, then the stage's own error or otherwise the last lines of its
 * log, then where the log is stored. If the store is unreachable, the message contains the rest. Undefined if nothing is known.
 */
export async function explainFailure(run: StageRun, { store, experiment, onLost }: FailureContext): Promise<string | undefined> {
  const since = new Date(run.startedAt ?? run.pendingSince);
  const [uri, error] = await Promise.all([
    writeAttemptLog(store, experiment, run.name, run.lastLines ?? '').catch((lost: unknown) => void onLost?.(run, lost)),
    readReportedError(store, experiment, run, since).catch(() => undefined),
  ]);
  const end = shortened(run.message ?? '', LONGEST_END);
  const cause =
    error === undefined ? endMessage({ ...run, message: end }) : joined('; ', end, shortened(stageErrorText(error), LONGEST_ERROR));
  const message = joined(' ', cause, uri === undefined ? '' : `(log: ${uri})`);
  return message === '' ? undefined : message;
}

const joined = (by: string, ...parts: readonly string[]): string => parts.filter((part) => part !== '').join(by);

const shortened = (text: string, longest: number): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
