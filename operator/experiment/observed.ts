/** What the planner sees: the attempts that the substrate knows, what the stages report, and the status written last. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';

/**
 * Where an attempt stands. `queued`: a queue holds it back (Kueue), no deadline runs; `pending`: it was given to the substrate and has not
 * begun (image, node); `running`; `succeeded` and `failed` are ends.
 */
export type StageRunState = 'queued' | 'pending' | 'running' | 'succeeded' | 'failed';

/** One attempt of one stage: a Job of Kubernetes, or a process. Times are ISO 8601 in UTC. */
export type StageRun = StageKey & {
  readonly name: string;
  /** Counts from 1 for each stage. */
  readonly attempt: number;
  readonly state: StageRunState;
  /** Somebody who runs the stages asked it to stop; while active it still holds its place, and its end counts against no budget. */
  readonly stopRequested?: boolean;
  /** The substrate is taking it away, and cannot tell on whose behalf; if the planner had decided so, its status knows. Still in its place. */
  readonly deleting?: boolean;
  /** The substrate will never take it as it is asked for; nothing was started. */
  readonly refused?: boolean;
  readonly exitCode?: number;
  /** The platform took it away: drained, preempted, node lost. */
  readonly disrupted?: boolean;
  /** The substrate's word for the end, such as `OOMKilled` or `SIGKILL`. */
  readonly reason?: string;
  /**
   * What a person needs to read. Of an ended attempt: the stage's own error, or what the substrate says of its end. Of one that waits: why it
   * has not begun (the scheduler's words, the kubelet's, the queue's name).
   */
  readonly message?: string;
  /** Of an ended attempt: the end of its log as it is, where the substrate has it and `message` does not tell it. */
  readonly lastLines?: string;
  /** Since when it could have begun: its creation, or its release by a queue. */
  readonly pendingSince: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly node?: string;
};

export type ObservedProgress = {
  readonly prepare?: StageProgress;
  readonly folds: ReadonlyMap<number, StageProgress>;
  readonly ensemble?: StageProgress;
};

/** An attempt that was to start in this step and could not be: why, and when it is tried again. */
export type HeldStart = StageKey & { readonly attempt: number; readonly message: string; readonly againMs: number };

export type Observed = {
  readonly runs: readonly StageRun[];
  readonly progress: ObservedProgress;
  /** The status written last; absent before the first plan. */
  readonly status?: ExperimentStatus;
  /** Of the starts of this step; what is among them is not started again in it. */
  readonly held: readonly HeldStart[];
  /** Where the experiment's artifacts lie, for status. */
  readonly artifacts?: string;
  /** What an experiment that begins now would run. */
  readonly image?: string;
};

/** Whether the attempt still runs or may begin to. */
export function isActive(run: StageRun): boolean {
  return run.state === 'queued' || run.state === 'pending' || run.state === 'running';
}

/** The stage's own progress report, if it has written one. */
export function progressOf(progress: ObservedProgress, key: StageKey): StageProgress | undefined {
  if (key.stage === 'fold') return key.fold === undefined ? undefined : progress.folds.get(key.fold);
  return progress[key.stage];
}
