/** What the planner observes: the attempts that the substrate knows, the stages' progress reports, and the last status. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';

/**
 * The state of an attempt. `queued`: a queue (Kueue) holds it, and no deadline runs. `pending`: the substrate has it, and it has not begun,
 * because it waits for its image or a node. `succeeded` and `failed` are final.
 */
export type StageRunState = 'queued' | 'pending' | 'running' | 'succeeded' | 'failed';

/** One attempt of one stage: a Kubernetes Job, or a process. Times are ISO 8601 in UTC. */
export type StageRun = StageKey & {
  readonly name: string;
  /** Counts from 1 within each stage. */
  readonly attempt: number;
  readonly state: StageRunState;
  /** carpal itself asked it to stop. While it is active it still holds its place, and its end uses no budget. */
  readonly stopRequested?: boolean;
  /**
   * The substrate is deleting it and does not know who requested this. If the planner did, the status records it. It still holds its place.
   */
  readonly deleting?: boolean;
  /**
   * What a pending attempt waits for. `capacity`: a node with room, or quota for its pod; waiting solves it. `start`: anything else, such as
   * its image; waiting alone may not solve it.
   */
  readonly waitsFor?: 'capacity' | 'start';
  /** It has not begun, and the manifest or the operator places it differently now: another queue, other nodes or other resources. */
  readonly outdated?: true;
  /** The queue that admits the attempt; absent without a queue. */
  readonly queue?: string;
  /** For a queued attempt that ran before: when the queue took its quota back. */
  readonly evictedAt?: string;
  /**
   * Its pod is on a node that no longer answers, and the time to stop it has passed. It counts as ended, and the substrate must be asked to
   * abandon it before another attempt starts.
   */
  readonly lost?: true;
  /** The key of the log of an ended attempt in the artifact store, once it is stored. */
  readonly log?: string;
  readonly exitCode?: number;
  /** The platform ended it: the node was drained, preempted or lost. */
  readonly disrupted?: boolean;
  /** The substrate's name for the end, such as `OOMKilled` or `SIGKILL`. */
  readonly reason?: string;
  /**
   * The message for people. For an ended attempt: the error that the stage reported, or what the substrate reports about the end. For a
   * waiting attempt: why it has not begun, as the scheduler, the kubelet or the queue reports it.
   */
  readonly message?: string;
  /** For an ended attempt: the unedited end of its log, if the substrate has it and `message` does not contain it. */
  readonly lastLines?: string;
  /**
   * Since when it could have begun: when it was created, when a queue released it, or, for one that `waitsFor` its start, when its pod got a
   * node or could not be created. A wait for capacity before that does not count.
   */
  readonly pendingSince: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly node?: string;
};

export type ObservedProgress = {
  readonly prepare?: StageProgress;
  readonly folds: ReadonlyMap<number, StageProgress>;
  readonly ensemble?: StageProgress;
  /** When the reports were read, by the clock of the observer, which may differ from the clocks of the stages. */
  readonly heartbeats?: readonly Heartbeat[];
};

/** `changedAt`: when a read first showed the current report. `readAt`: the last successful read. ISO 8601, by the observer's clock. */
export type Heartbeat = StageKey & { readonly changedAt: string; readonly readAt: string };

/**
 * Why an attempt cannot be started. `denied`: a policy, a quota, a webhook or a missing permission; `refused`: a field of its Job is
 * invalid; `terminating`: its namespace is being deleted, and the experiment with it, which is not reported; `trouble`: the API
 * server, the store or the system failed. Only a refusal has a deadline (run.startDeadline).
 */
export type HoldCause = 'denied' | 'refused' | 'terminating' | 'trouble';

/** An attempt that could not be started in this step, with the reason and the time of the next try. */
export type HeldStart = StageKey & {
  readonly attempt: number;
  readonly message: string;
  readonly againMs: number;
  /** Omitted: `trouble`. */
  readonly cause?: HoldCause;
};

export type Observed = {
  readonly runs: readonly StageRun[];
  readonly progress: ObservedProgress;
  /** The status written last; absent before the first plan. */
  readonly status?: ExperimentStatus;
  /** Starts that failed in this step. They are not tried again in it. */
  readonly held: readonly HeldStart[];
  /** Where the experiment's artifacts are stored, for the status. */
  readonly artifacts?: string;
  /** The image that an experiment would run if it began now. */
  readonly image?: string;
};

/** Whether the attempt runs or may still begin. A lost attempt has ended. */
export function isActive(run: StageRun): boolean {
  return run.lost !== true && run.state !== 'succeeded' && run.state !== 'failed';
}

/** Whether the substrate must be asked to abandon the attempt. */
export function mustBeAbandoned(run: StageRun): boolean {
  return run.lost === true && run.state !== 'succeeded' && run.state !== 'failed';
}

/** The progress report of the stage itself; undefined if it has not reported. */
export function progressOf(progress: ObservedProgress, key: StageKey): StageProgress | undefined {
  if (key.stage === 'fold') return key.fold === undefined ? undefined : progress.folds.get(key.fold);
  return progress[key.stage];
}

/** Progress reports, arranged by stage. A report that cannot be read counts as missing: no decision depends on one. */
export function observedProgress(reports: Iterable<readonly [StageKey, StageProgress | undefined]>): ObservedProgress {
  const folds = new Map<number, StageProgress>();
  const others: { prepare?: StageProgress; ensemble?: StageProgress } = {};
  for (const [{ stage, fold }, report] of reports) {
    if (report === undefined) continue;
    if (stage !== 'fold') others[stage] = report;
    else if (fold !== undefined) folds.set(fold, report);
  }
  return { folds, ...others };
}
