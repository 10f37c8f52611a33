/** The retry policy: what the end of an attempt means, which budget it uses, and how long the stage waits before its next attempt. */

import { logLines } from '@carpal/artifacts/logs.ts';
import type { Reason } from '@carpal/configs/names.ts';
import type { RunSpec } from '@carpal/configs/schema/experiment.ts';
import type { StageStatus } from '@carpal/configs/schema/status.ts';
import { isActive, type StageRun } from './observed.ts';

/**
 * `final`: another attempt cannot help. `failure` and `disruption`: each kind has a budget. `excused`: the attempt was asked to stop, so
 * another attempt uses no budget.
 */
export type OutcomeKind = 'succeeded' | 'final' | 'failure' | 'disruption' | 'excused';
export type Outcome = { readonly kind: OutcomeKind; readonly reason: Reason; readonly message: string };

export type RetryPolicy = {
  /** The first delay. Each further delay is twice as long. */
  readonly baseMs: number;
  readonly longestMs: number;
  /** After an attempt that ran at least this long, the next attempt waits only for the first delay. */
  readonly healthyAfterMs: number;
};

/** For clusters: failures that follow each other quickly must not overload the API server or a queue. */
export const DEFAULT_RETRY: RetryPolicy = { baseMs: 10_000, longestMs: 300_000, healthyAfterMs: 600_000 };

export type Budgets = Pick<RunSpec, 'maxFailures' | 'maxDisruptions'>;
/** An attempt that has ended: how, when (ms since 1970), and how long it ran. */
export type EndedAttempt = { readonly outcome: Outcome; readonly endedMs: number; readonly ranMs: number };

/** Exit codes that mean that the command line (64), the data (65) or the configuration (78) is wrong. */
const FINAL_EXITS: readonly number[] = [64, 65, 78];
/** The stage stopped and left a checkpoint to continue from. */
const STOPPED_EXIT = 75;

const LAST_LINES = 12;
/** Leaves room for the substrate's message and the location of the log in the 1,000 characters of a status message. */
const LONGEST_TAIL = 500;
const LONGEST_MESSAGE = 1000;

/**
 * The message about the end of an attempt: what the substrate reports, and the last lines of the log. The log explains a failure but not a
 * disruption, so a disruption has only the substrate's message if the substrate has one.
 */
export function endMessage({ message = '', lastLines = '', disrupted }: Pick<StageRun, 'message' | 'lastLines' | 'disrupted'>): string {
  if (disrupted === true && message !== '') return message;
  const lines = logLines(lastLines).slice(-LAST_LINES).join('\n');
  const tail = lines.length > LONGEST_TAIL ? `…${lines.slice(1 - LONGEST_TAIL)}` : lines;
  return message === '' || tail === '' ? message + tail : `${message}; its last lines: ${tail}`;
}

const limited = (text: string): string => (text.length > LONGEST_MESSAGE ? `…${text.slice(1 - LONGEST_MESSAGE)}` : text);

function failureMessage(run: StageRun): string {
  const cause = run.reason === 'OOMKilled' ? 'out of memory' : run.reason;
  const end =
    run.exitCode === undefined ? (cause ?? 'ended without an exit code') : `exit ${run.exitCode}${cause === undefined ? '' : `, ${cause}`}`;
  const message = endMessage(run);
  return limited(message === '' ? end : `${end}: ${message}`);
}

/** The outcome of an attempt; undefined while it is active. `askedToStop`: the planner itself had decided to stop it. */
export function outcomeOf(run: StageRun, askedToStop = false): Outcome | undefined {
  if (isActive(run)) return undefined;
  if (run.state === 'succeeded') return { kind: 'succeeded', reason: 'StageFinished', message: '' };
  if (run.exitCode !== undefined && FINAL_EXITS.includes(run.exitCode)) {
    return { kind: 'final', reason: 'InvalidData', message: failureMessage(run) };
  }
  if (askedToStop || run.stopRequested === true) return { kind: 'excused', reason: 'StoppedWithCheckpoint', message: 'stopped on request' };
  if (run.disrupted === true || run.deleting === true)
    return { kind: 'disruption', reason: 'StageDisrupted', message: failureMessage(run) };
  if (run.exitCode === STOPPED_EXIT) return { kind: 'disruption', reason: 'StoppedWithCheckpoint', message: 'stopped with a checkpoint' };
  if (run.reason === 'OOMKilled') return { kind: 'failure', reason: 'OutOfMemory', message: failureMessage(run) };
  return { kind: 'failure', reason: 'StageFailed', message: failureMessage(run) };
}

/** The outcome of an attempt that ran and vanished. The stage did not cause its removal. */
export function vanishedOutcome(askedToStop: boolean): Outcome {
  if (askedToStop) return { kind: 'excused', reason: 'StoppedWithCheckpoint', message: 'stopped on request' };
  return { kind: 'disruption', reason: 'StageDisrupted', message: 'the attempt was removed while it ran' };
}

/** The delay after the `count`-th (from 1) failure or disruption of a stage, whose attempt ran `ranMs`. */
export function retryDelayMs(policy: RetryPolicy, count: number, ranMs: number): number {
  if (ranMs >= policy.healthyAfterMs) return policy.baseMs;
  return Math.min(policy.baseMs * 2 ** Math.min(Math.max(count - 1, 0), 30), policy.longestMs);
}

/** The stage after the end of one more attempt. The end is counted. The stage then waits for its next attempt, or has ended. */
export function afterAttempt(stage: StageStatus, ended: EndedAttempt, budgets: Budgets, retry: RetryPolicy): StageStatus {
  const { retryAt: _retryAt, startedAt: _startedAt, reason: _reason, message: _message, node: _node, ...kept } = stage;
  const between = { ...kept, activeSeconds: stage.activeSeconds + Math.max(0, ended.ranMs) / 1000 };
  return AFTER[ended.outcome.kind](between, ended, budgets, retry);
}

const AFTER: Record<OutcomeKind, typeof afterAttempt> = {
  succeeded: (stage) => ({ ...stage, state: 'Succeeded', reason: 'StageFinished' }),
  excused: (stage) => ({ ...stage, state: 'Stopped', reason: 'StoppedWithCheckpoint' }),
  final: (stage, { outcome }) => ({
    ...stage,
    state: 'Failed',
    failures: stage.failures + 1,
    reason: outcome.reason,
    message: outcome.message,
  }),
  failure: (stage, ended, { maxFailures }, retry) => {
    const counted = { ...stage, failures: stage.failures + 1 };
    if (counted.failures <= maxFailures) return waitForRetry(counted, ended, counted.failures, retry);
    const message = `failed ${times(counted.failures)}, run.maxFailures is ${maxFailures}; last: ${ended.outcome.message}`;
    return { ...counted, state: 'Failed', reason: 'FailureBudgetExceeded', message };
  },
  disruption: (stage, ended, { maxDisruptions }, retry) => {
    const counted = { ...stage, disruptions: stage.disruptions + 1 };
    if (counted.disruptions <= maxDisruptions) return waitForRetry(counted, ended, counted.disruptions, retry);
    const message = `disrupted ${times(counted.disruptions)}, run.maxDisruptions is ${maxDisruptions}; last: ${ended.outcome.message}`;
    return { ...counted, state: 'Failed', reason: 'DisruptionBudgetExceeded', message };
  },
};

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

function waitForRetry(stage: StageStatus, { outcome, endedMs, ranMs }: EndedAttempt, count: number, retry: RetryPolicy): StageStatus {
  const { reason, message } = outcome;
  return { ...stage, state: 'Waiting', reason, message, retryAt: new Date(endedMs + retryDelayMs(retry, count, ranMs)).toISOString() };
}
