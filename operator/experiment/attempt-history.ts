/** The list of a stage's last attempts in its status, and the run time of attempts whose end is not observed. */

import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import { withoutUndefined } from '@carpal/configs/json.ts';
import type { ExperimentIdentity, Reason } from '@carpal/configs/names.ts';
import { LISTED_ATTEMPTS, type StageStatus } from '@carpal/configs/schema/status.ts';
import { abandonedRunOf, type Run } from './run-time.ts';
import { mapStages, type Stages } from './stages.ts';

type Ended = {
  readonly attempt: number;
  readonly exitCode?: number | undefined;
  readonly node?: string | undefined;
  readonly reason: Reason;
  /** The key of its log, if the substrate knows it. */
  readonly log?: string | undefined;
};

/** The stage with one more attempt in the list of its last attempts. An attempt whose container ran has a log. */
export function withAttempt(
  stage: StageStatus,
  { log, ...ended }: Ended,
  { startedAt, endedMs }: Run,
  logKey: (attempt: number) => string,
): StageStatus {
  const listed = {
    ...withoutUndefined({ ...ended, startedAt, log: log ?? (startedAt === undefined ? undefined : logKey(ended.attempt)) }),
    ...{ attempt: ended.attempt, reason: ended.reason, finishedAt: new Date(endedMs).toISOString() },
  };
  return { ...stage, lastAttempts: [...(stage.lastAttempts ?? []), listed].slice(-LISTED_ATTEMPTS) };
}

/**
 * The stages with the run time of attempts whose end is not observed, because their stage has ended before them: it missed its deadline,
 * or another stage ended the experiment. They count up to now, when they are asked to stop.
 */
export function settleTimes(stages: Stages, experiment: ExperimentIdentity, now: Date): Stages {
  return mapStages(stages, (key, stage) => {
    const run = abandonedRunOf(stage, now);
    if (run === undefined) return stage;
    const { startedAt: _startedAt, node, ...kept } = stage;
    const settled = { ...kept, activeSeconds: stage.activeSeconds + run.ranMs / 1000 };
    const { attempts: attempt, reason = 'StoppedWithCheckpoint' } = stage;
    return withAttempt(settled, { attempt, node, reason }, run, (number) => attemptLogKey(experiment, { ...key, attempt: number }));
  });
}
