/** The failure policy: what one more end of an attempt does to a stage's counts, and when they are too many. */

import type { StageStatus } from '@carpal/configs/experiment-status.ts';
import type { RunSpec } from '@carpal/configs/schema/experiment.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';
import { type RetryPolicy, retryDelayMs } from './retry-delay.ts';

export type Budgets = Pick<RunSpec, 'maxFailures' | 'maxDisruptions'>;
/** An ended attempt: how it ended, when (ms since 1970), and how long it had run. */
export type EndedAttempt = { readonly outcome: Outcome; readonly endedMs: number; readonly ranMs: number };

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

type Judgement = (stage: StageStatus, ended: EndedAttempt, budgets: Budgets, retry: RetryPolicy) => StageStatus;

/** The stage waits for its next attempt, or has used up its budget. */
function retryOrFail(
  stage: StageStatus,
  ended: EndedAttempt,
  count: number,
  exceeded: StageStatus | undefined,
  retry: RetryPolicy,
): StageStatus {
  const { reason, message } = ended.outcome;
  if (exceeded !== undefined) return exceeded;
  const retryAt = new Date(ended.endedMs + retryDelayMs(retry, count, ended.ranMs)).toISOString();
  return { ...stage, state: 'Waiting', reason, message, retryAt };
}

const JUDGEMENTS: Record<OutcomeKind, Judgement> = {
  succeeded: (stage) => ({ ...stage, state: 'Succeeded', reason: 'StageFinished' }),
  excused: (stage) => ({ ...stage, state: 'Stopped', reason: 'StoppedWithCheckpoint' }),
  final: (stage, { outcome }) => ({
    ...stage,
    state: 'Failed',
    failures: stage.failures + 1,
    reason: outcome.reason,
    message: outcome.message,
  }),
  failure: (stage, ended, budgets, retry) => {
    const counted = { ...stage, failures: stage.failures + 1 };
    const message = `failed ${times(counted.failures)}, run.maxFailures is ${budgets.maxFailures}; last: ${ended.outcome.message}`;
    const exceeded = { ...counted, state: 'Failed', reason: 'FailureBudgetExceeded', message } as const;
    return retryOrFail(counted, ended, counted.failures, counted.failures > budgets.maxFailures ? exceeded : undefined, retry);
  },
  disruption: (stage, ended, budgets, retry) => {
    const counted = { ...stage, disruptions: stage.disruptions + 1 };
    const message = `disrupted ${times(counted.disruptions)}, run.maxDisruptions is ${budgets.maxDisruptions}; last: ${ended.outcome.message}`;
    const exceeded = { ...counted, state: 'Failed', reason: 'DisruptionBudgetExceeded', message } as const;
    return retryOrFail(counted, ended, counted.disruptions, counted.disruptions > budgets.maxDisruptions ? exceeded : undefined, retry);
  },
};

/** The stage after one more of its attempts has ended. */
export function judge(stage: StageStatus, ended: EndedAttempt, budgets: Budgets, retry: RetryPolicy): StageStatus {
  const { retryAt: _retryAt, startedAt: _startedAt, reason: _reason, message: _message, node: _node, ...kept } = stage;
  const rested = { ...kept, activeSeconds: stage.activeSeconds + Math.max(0, ended.ranMs) / 1000 };
  return JUDGEMENTS[ended.outcome.kind](rested, ended, budgets, retry);
}
