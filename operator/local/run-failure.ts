/** Which stages of a run have failed, and everything that is known about each. */
import type { StageKey } from '@carpal/configs/names.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { sameStage } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { ProcessSubstrate } from './process-substrate.ts';

/** A stage that has failed for good. */
export type RunFailure = {
  readonly stage: StageKey;
  /** The error that its last attempt reported, if any. */
  readonly error?: StageError;
  /** The reason and everything that is known about the failure. */
  readonly message: string;
  readonly attempts: number;
  readonly exitCode?: number;
  /** The log of its last attempt. */
  readonly log?: string;
};

/** The error that a stage has reported since a time. */
export type ReportedError = (key: StageKey, since: Date) => Promise<StageError | undefined>;

/** The failed stages of a run, in the order of the stages. */
export async function failuresOf(
  status: ExperimentStatus,
  substrate: ProcessSubstrate,
  reportedError: ReportedError,
): Promise<readonly RunFailure[]> {
  const runs = await substrate.observe();
  const failed = entriesOf(status).filter(([, { state }]) => state === 'Failed');
  return await Promise.all(
    failed.map(async ([stage, { attempts, reason = 'StageFailed', message = '' }]): Promise<RunFailure> => {
      const failure = { stage, attempts, message: message === '' ? reason : `${reason}: ${message}` };
      const last = runs.filter((run) => sameStage(run, stage)).toSorted((a, b) => b.attempt - a.attempt)[0];
      if (last === undefined) return failure;
      const error = await reportedError(stage, new Date(last.startedAt ?? last.pendingSince));
      return {
        ...failure,
        log: substrate.logPath(last.name),
        ...(error === undefined ? {} : { error }),
        ...(last.exitCode === undefined ? {} : { exitCode: last.exitCode }),
      };
    }),
  );
}
