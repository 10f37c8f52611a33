/**
 * When the containers of a stage started, and how long they ran. The clocks of the nodes may be wrong by hours, so times from them are
 * limited by what the operator knows: an attempt runs after it could begin and before now. Times are ISO 8601, durations milliseconds.
 */

import { holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';
import { type ObservedProgress, progressOf, type StageRun } from './observed.ts';
import { sameStage } from './stage.ts';

/** What is known about time: now, and when the stage last gave a sign of life. */
export type Times = { readonly now: Date; readonly lastSign: Date | undefined };

const clampMs = (ms: number, least: number, most: number): number => Math.min(Math.max(ms, least), most);

/**
 * When the stage last gave a sign of life: its last report, by the earlier of its own clock and the observer's, which may have read the
 * report long after it was written. Undefined without a report.
 */
export function lastSignOf(progress: ObservedProgress, key: Parameters<typeof progressOf>[1]): Date | undefined {
  const report = progressOf(progress, key);
  if (report === undefined) return undefined;
  const heartbeat = progress.heartbeats?.find((one) => sameStage(one, key));
  const times = [report.updatedAt, heartbeat?.changedAt].flatMap((time) => (time === undefined ? [] : [Date.parse(time)]));
  return new Date(Math.min(...times));
}

/**
 * When the container of the attempt started; undefined if it has not, or if that is unknown. The status keeps the first time that it was
 * given, also when the pod that recorded it is gone.
 */
export function startOf(stage: StageStatus, run: StageRun, now: Date): string | undefined {
  const known = run.attempt === stage.attempts ? stage.startedAt : undefined;
  if (known !== undefined && !isEvicted(stage, run)) return known;
  if (run.startedAt === undefined || run.state === 'queued') return undefined;
  const ms = Date.parse(run.startedAt);
  const clampedMs = clampMs(ms, Date.parse(run.pendingSince), now.getTime());
  return clampedMs === ms ? run.startedAt : new Date(clampedMs).toISOString();
}

/** The clocks of a healthy cluster differ by less than this. */
const CLOCKS_MS = 5000;

/** Whether a queue has stopped the container that the status knows. It may have released the attempt again since. */
export function isEvicted({ attempts, startedAt }: StageStatus, run: StageRun): boolean {
  if (run.attempt !== attempts || startedAt === undefined) return false;
  return run.state === 'queued' || Date.parse(run.pendingSince) > Date.parse(startedAt) + CLOCKS_MS;
}

/** How long the container that the status knows ran before a queue stopped it. */
export function evictedMs(stage: StageStatus, run: StageRun, { now, lastSign }: Times): number {
  if (stage.startedAt === undefined) return 0;
  const startedMs = Date.parse(stage.startedAt);
  const evicted = run.evictedAt === undefined ? Number.NaN : Date.parse(run.evictedAt);
  if (evicted >= startedMs) return clampMs(evicted, startedMs, now.getTime()) - startedMs;
  // The time is unknown. It may have been long ago, while no operator ran; a queue may have released the attempt again since.
  const signMs = lastSign?.getTime() ?? Number.NEGATIVE_INFINITY;
  if (run.state === 'queued')
    return signMs >= startedMs ? clampMs(signMs, startedMs, now.getTime()) - startedMs : Math.max(0, now.getTime() - startedMs);
  return clampMs(signMs, startedMs, Math.min(Date.parse(run.pendingSince), now.getTime())) - startedMs;
}

/** When an attempt that has ended started and ended, and how long it ran. */
export type Run = { readonly startedAt?: string; readonly endedMs: number; readonly ranMs: number };

/** The last container of an attempt that has ended. */
export function runOf(stage: StageStatus, run: StageRun, { now, lastSign }: Times): Run {
  const nowMs = now.getTime();
  const pendingMs = Math.min(Date.parse(run.pendingSince), nowMs);
  const startedAt = startOf(stage, run, now);
  const startedMs = startedAt === undefined ? pendingMs : Date.parse(startedAt);
  // A lost node does not report the end of its attempt.
  const unknownMs = run.lost ? (lastSign?.getTime() ?? startedMs) : nowMs;
  const reportedMs = run.finishedAt === undefined ? unknownMs : Date.parse(run.finishedAt);
  const endedMs = clampMs(reportedMs, Math.min(startedMs, nowMs), nowMs);
  if (startedAt === undefined) return { endedMs, ranMs: 0 };
  const isKnown = startedAt === stage.startedAt;
  // If both times are from the same clock, their difference is right even if the clock is wrong.
  const sinceMs = run.startedAt === undefined || run.finishedAt === undefined ? startedMs : Date.parse(run.startedAt);
  const ranMs = clampMs(reportedMs - sinceMs, 0, Math.max(0, nowMs - (isKnown ? startedMs : pendingMs)));
  // A clock that is ahead may have put the start after the end.
  const latestMs = nowMs - ranMs;
  if (isKnown || startedMs <= latestMs) return { startedAt, endedMs: Math.max(endedMs, startedMs + ranMs), ranMs };
  return { startedAt: new Date(latestMs).toISOString(), endedMs: nowMs, ranMs };
}

/**
 * The attempt that the status knows, which the substrate does not know any more. It may have vanished long ago, while no operator ran: it
 * counts up to its last sign of life.
 */
export function vanishedRunOf({ startedAt }: StageStatus, { now, lastSign }: Times): Run {
  if (startedAt === undefined) return { endedMs: now.getTime(), ranMs: 0 };
  const startedMs = Date.parse(startedAt);
  const endedMs = clampMs(lastSign?.getTime() ?? startedMs, startedMs, Math.max(startedMs, now.getTime()));
  return { startedAt, endedMs, ranMs: endedMs - startedMs };
}

/**
 * The run of the container whose end is not observed, because its stage has ended before it: it missed its deadline, or another stage
 * ended the experiment. Undefined if there is none.
 */
export function abandonedRunOf(stage: StageStatus, now: Date): Run | undefined {
  if (holdsPlace(stage) || stage.startedAt === undefined) return undefined;
  const startedMs = Date.parse(stage.startedAt);
  const endedMs = Math.max(startedMs, now.getTime());
  return { startedAt: stage.startedAt, endedMs, ranMs: endedMs - startedMs };
}
