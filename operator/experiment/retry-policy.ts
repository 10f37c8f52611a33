/** The retry policy: what the end of an attempt means, which budget it uses, and how long the stage waits before its next attempt. */

import { logLines } from '@carpal/artifacts/logs.ts';
import type { Reason } from '@carpal/configs/names.ts';
import type { StageStatus } from '@carpal/configs/schema/status.ts';
import { isActive, mustBeAbandoned, type StageRun } from './observed.ts';
import type { MemoryLimit, StageRules } from './stage-rules.ts';

/**
 * `final`: another attempt cannot help. `failure` and `disruption`: each kind has a budget. `infrastructure`: the store or a disk could not
 * be used; it counts as a disruption, and the next attempt waits longer. `excused`: the attempt was asked to stop, so another attempt uses
 * no budget.
 */
export type OutcomeKind = 'succeeded' | 'final' | 'failure' | 'disruption' | 'infrastructure' | 'excused';
export type Outcome = { readonly kind: OutcomeKind; readonly reason: Reason; readonly message: string };

/** `baseMs`: the first delay. Each further delay is twice as long, up to `longestMs`. */
type Delays = { readonly baseMs: number; readonly longestMs: number };

export type RetryPolicy = Delays & {
  /** The delays after infrastructure problems: a person usually has to solve them. */
  readonly infrastructure: Delays;
  /** After an attempt that ran at least this long, the next attempt waits only for the first delay. */
  readonly healthyAfterMs: number;
};

/** For clusters: failures that follow each other quickly must not overload the API server or a queue. */
export const DEFAULT_RETRY: RetryPolicy = {
  baseMs: 10_000,
  longestMs: 300_000,
  healthyAfterMs: 600_000,
  infrastructure: { baseMs: 60_000, longestMs: 900_000 },
};

/** Why the planner had asked an attempt to stop. `stalled`: it made no progress, which is no excuse. */
export type StopCause = 'requested' | 'stalled';

/** An attempt that has ended: how, when (ms since 1970, never later than now), and how long it ran. */
export type EndedAttempt = { readonly outcome: Outcome; readonly endedMs: number; readonly ranMs: number };

/** Exit codes that mean that the command line (64), the data (65) or the configuration (78) is wrong. */
const FINAL_EXITS: readonly number[] = [64, 65, 78];
/** The stage could not use the artifact store or a disk. */
const INFRASTRUCTURE_EXIT = 74;
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

const excused: Outcome = { kind: 'excused', reason: 'StoppedWithCheckpoint', message: 'stopped on request' };
const stalled: Outcome = {
  kind: 'disruption',
  reason: 'StageStalled',
  message: 'was stopped because it made no progress for run.stallTimeout',
};

/** The outcome of an attempt; undefined while it is active. `stop`: why the planner itself had asked it to stop. */
export function outcomeOf(run: StageRun, stop?: StopCause): Outcome | undefined {
  if (isActive(run)) return undefined;
  if (run.state === 'succeeded') return { kind: 'succeeded', reason: 'StageFinished', message: '' };
  if (run.exitCode !== undefined && FINAL_EXITS.includes(run.exitCode)) {
    return { kind: 'final', reason: 'InvalidData', message: failureMessage(run) };
  }
  if (stop === 'stalled') return stalled;
  if (stop === 'requested' || run.stopRequested === true) return excused;
  if (mustBeAbandoned(run)) return { kind: 'disruption', reason: 'StageDisrupted', message: lostMessage(run) };
  if (run.disrupted === true || run.deleting === true)
    return { kind: 'disruption', reason: 'StageDisrupted', message: failureMessage(run) };
  if (run.exitCode === STOPPED_EXIT) return { kind: 'disruption', reason: 'StoppedWithCheckpoint', message: 'stopped with a checkpoint' };
  if (run.exitCode === INFRASTRUCTURE_EXIT) return { kind: 'infrastructure', reason: 'StoreUnavailable', message: failureMessage(run) };
  if (run.reason === 'OOMKilled') return { kind: 'failure', reason: 'OutOfMemory', message: failureMessage(run) };
  return { kind: 'failure', reason: 'StageFailed', message: failureMessage(run) };
}

/** The outcome of an attempt that ran and vanished. The stage did not cause its removal. */
export function vanishedOutcome(stop?: StopCause): Outcome {
  if (stop !== undefined) return stop === 'stalled' ? stalled : excused;
  return { kind: 'disruption', reason: 'StageDisrupted', message: 'the attempt was removed while it ran' };
}

function lostMessage({ node, reason = 'NodeLost', message }: StageRun): string {
  const where = node === undefined ? 'its node' : `node ${node}`;
  return limited(`${reason}: ${message ?? `${where} no longer answers`}`);
}

/** The delay after the `count`-th (from 1) failure or disruption of a stage, whose attempt ran `ranMs`. */
export function retryDelayMs(policy: RetryPolicy, count: number, ranMs: number, { baseMs, longestMs }: Delays = policy): number {
  if (ranMs >= policy.healthyAfterMs) return baseMs;
  return Math.min(baseMs * 2 ** Math.min(Math.max(count - 1, 0), 30), longestMs);
}

/** The longest delay of the policy. */
export function longestDelayMs({ longestMs, infrastructure }: RetryPolicy): number {
  return Math.max(longestMs, infrastructure.longestMs);
}

/** The stage after the end of one more attempt. The end is counted. The stage then waits for its next attempt, or has ended. */
export function afterAttempt(stage: StageStatus, ended: EndedAttempt, rules: StageRules, retry: RetryPolicy): StageStatus {
  const { retryAt: _retryAt, startedAt: _startedAt, reason: _reason, message: _message, node: _node, ...kept } = stage;
  const between = { ...kept, activeSeconds: stage.activeSeconds + Math.max(0, ended.ranMs) / 1000 };
  return AFTER[ended.outcome.kind](between, ended, rules, retry);
}

const AFTER: Record<OutcomeKind, typeof afterAttempt> = {
  succeeded: (stage) => ({ ...stage, state: 'Succeeded', reason: 'StageFinished' }),
  excused: (stage) => ({ ...stage, state: 'Stopped', reason: 'StoppedWithCheckpoint' }),
  final: (stage, { outcome }, rules) => failed({ ...stage, failures: stage.failures + 1 }, outcome.reason, outcome.message, rules),
  failure: (stage, ended, rules, retry) => {
    const counted = { ...stage, failures: stage.failures + 1 };
    const { failures } = counted;
    const { reason, message } = ended.outcome;
    const limited = reason === 'OutOfMemory' && rules.memory !== undefined ? `${message}; ${limitText(rules.memory)}` : message;
    if (failures <= rules.maxFailures)
      return waitForRetry(counted, { ...ended, outcome: { ...ended.outcome, message: limited } }, failures, retry);
    const summary = `failed ${times(failures)}, run.maxFailures is ${rules.maxFailures}; last: ${limited}`;
    return failed(counted, 'FailureBudgetExceeded', summary, rules, reason);
  },
  disruption: (stage, ended, rules, retry) => disrupted(stage, ended, rules, retry, retry),
  infrastructure: (stage, ended, rules, retry) => disrupted(stage, ended, rules, retry, retry.infrastructure),
};

function disrupted(stage: StageStatus, ended: EndedAttempt, rules: StageRules, retry: RetryPolicy, delays: Delays): StageStatus {
  const counted = { ...stage, disruptions: stage.disruptions + 1 };
  const { disruptions } = counted;
  const { reason, message } = ended.outcome;
  if (disruptions <= rules.maxDisruptions) return waitForRetry(counted, ended, disruptions, retry, delays);
  const summary = `disrupted ${times(disruptions)}, run.maxDisruptions is ${rules.maxDisruptions}; last: ${message}`;
  return failed(
    counted,
    'DisruptionBudgetExceeded',
    summary,
    rules,
    reason === 'StoreUnavailable' || reason === 'StageStalled' ? reason : undefined,
  );
}

const limitText = ({ field, limit }: MemoryLimit): string =>
  limit === undefined ? `${field} raises the limit` : `the limit is ${limit} (${field})`;

/** `cause`: the reason of the last attempt, if it tells what to change. */
function failed(stage: StageStatus, reason: Reason, message: string, { remedy }: StageRules, cause?: Reason): StageStatus {
  return { ...stage, state: 'Failed', reason, message: remedy === undefined ? message : `${message} → ${remedy(reason, cause)}` };
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

function waitForRetry(stage: StageStatus, ended: EndedAttempt, count: number, retry: RetryPolicy, delays: Delays = retry): StageStatus {
  const { reason, message } = ended.outcome;
  const retryAt = new Date(ended.endedMs + retryDelayMs(retry, count, ended.ranMs, delays)).toISOString();
  return { ...stage, state: 'Waiting', reason, message, retryAt };
}
