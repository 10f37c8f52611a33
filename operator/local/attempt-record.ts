/** What the work folder remembers of an attempt; written before the process starts and at each change, so that kill -9 loses nothing. */

import type { StageName } from '@carpal/configs/schema/progress.ts';
import type { StageRun } from '../experiment/observed.ts';
import type { ProcessIdentity } from './process-identity.ts';

export type AttemptRecord = {
  readonly name: string;
  readonly stage: StageName;
  readonly fold?: number;
  readonly attempt: number;
  readonly createdAt: string;
  /** Absent until the process is there; it does nothing before this is written. */
  readonly process?: ProcessIdentity;
  readonly startedAt?: string;
  readonly stopRequestedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  /** The signal that ended it, or the name of what kept it from starting. */
  readonly reason?: string;
  readonly message?: string;
  /** Its runner died before it ended; how it ended is not known, and not its fault. */
  readonly orphaned?: boolean;
};

/** The attempt as the planner sees it. */
export function stageRunOf(record: AttemptRecord): StageRun {
  const { name, stage, fold, attempt, exitCode, reason, message, startedAt, finishedAt } = record;
  const ended = exitCode === 0 ? 'succeeded' : 'failed';
  const known = Object.fromEntries(
    Object.entries({ fold, exitCode, reason, message, startedAt, finishedAt }).filter(([, value]) => value !== undefined),
  );
  return {
    ...known,
    name,
    stage,
    attempt,
    state: finishedAt !== undefined ? ended : startedAt === undefined ? 'pending' : 'running',
    pendingSince: record.createdAt,
    ...(record.stopRequestedAt !== undefined || record.orphaned === true ? { stopRequested: true } : {}),
  };
}
