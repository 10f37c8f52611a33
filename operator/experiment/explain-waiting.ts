/** Why a stage's attempt has not begun. The reason stays in the stage's status until the attempt begins. */

import type { Reason, StageKey } from '@carpal/configs/names.ts';
import type { ExperimentStatus, StageStatus } from '@carpal/configs/schema/status.ts';
import type { HeldStart, HoldCause, StageRun } from './observed.ts';
import { soonest } from './soonest.ts';
import { sameStage } from './stage.ts';
import { mapStages, type Stages, stageAt } from './stages.ts';

/** Every pod waits a moment for its image and its node. Shorter waits are not reported, because every message is a write of the status. */
const PATIENCE_MS = 15_000;

/** A scheduler updates its counts whenever a node comes or goes. While only numbers change, the cause is the same. */
const withoutNumbers = (text: string): string => text.replaceAll(/\d+/g, '#');

/** The word before the number of a position in a queue: the only number that a person waits for. */
export const QUEUE_POSITION = 'position';
const POSITION = new RegExp(`${QUEUE_POSITION} (\\d+) of`);
/** A position is reported again when it has changed by this part, so that a long queue costs few writes and the front of it is exact. */
const POSITION_STEP = 0.1;

function samePosition(a: string, b: string): boolean {
  const [before, now] = [a, b].map((text) => Number(POSITION.exec(text)?.[1] ?? 0)) as [number, number];
  return before === now || Math.abs(before - now) < before * POSITION_STEP;
}

/** Whether two messages are equal except for numbers that do not matter. */
const sameCause = (a: string, b: string): boolean => withoutNumbers(a) === withoutNumbers(b) && samePosition(a, b);

function waitingReason({ state, evictedAt, waitsFor }: StageRun): Reason {
  if (state === 'queued') return evictedAt === undefined ? 'Queued' : 'StageEvicted';
  return waitsFor === 'capacity' ? 'WaitingForCapacity' : 'StagePending';
}

/**
 * The stages with the reasons and messages of queued and pending attempts, and the milliseconds until the next message is due. A message that is in the
 * status stays unchanged while only its numbers differ, except for a position in a queue.
 */
export function explainWaiting(
  stages: Stages,
  runs: readonly StageRun[],
  previous: ExperimentStatus | undefined,
  now: Date,
): { readonly stages: Stages; readonly nextMs: number | undefined } {
  let nextMs: number | undefined;
  const explain = (key: StageKey, stage: StageStatus): StageStatus => {
    if (stage.state !== 'Queued' && stage.state !== 'Pending') return stage;
    const run = runs.find((one) => sameStage(one, key) && one.attempt === stage.attempts);
    if (run === undefined) return stage;
    const reason = waitingReason(run);
    if (run.message === undefined) return stage.state === 'Queued' ? { ...stage, reason } : stage;
    const before = stageAt(previous, key);
    const reported = before?.attempts === stage.attempts && before.state === stage.state ? before.message : undefined;
    if (reported !== undefined && sameCause(reported, run.message)) return { ...stage, reason, message: reported };
    const leftMs = Date.parse(run.pendingSince) + PATIENCE_MS - now.getTime();
    if (reported !== undefined || leftMs <= 0 || stage.state === 'Queued') return { ...stage, reason, message: run.message };
    nextMs = soonest(nextMs, leftMs);
    return stage;
  };
  return { stages: mapStages(stages, explain), nextMs };
}

/** What prevents the start of this stage's attempt; undefined if nothing does. */
export function heldStartOf(key: StageKey, stage: StageStatus, held: readonly HeldStart[]): HeldStart | undefined {
  if (stage.state !== 'Starting') return undefined;
  return held.find((one) => sameStage(one, key) && one.attempt === stage.attempts);
}

const HOLD_REASONS: Record<Exclude<HoldCause, 'terminating'>, Reason> = {
  denied: 'StageDenied',
  refused: 'InvalidManifest',
  trouble: 'StagePending',
};

/**
 * The stages with the reasons why their attempts cannot be started, and since when; a refusal counts from the first refusal. A message stays
 * unchanged while only its numbers differ. A namespace that is being deleted changes nothing.
 */
export function explainHeldStarts(stages: Stages, held: readonly HeldStart[], now: Date): Stages {
  return mapStages(stages, (key, stage) => {
    const hold = heldStartOf(key, stage, held);
    const { cause = 'trouble' } = hold ?? {};
    if (hold === undefined || cause === 'terminating') return stage;
    const reason = HOLD_REASONS[cause];
    const isNew = stage.heldSince === undefined || (cause === 'refused' && stage.reason !== reason);
    const heldSince = isNew ? now.toISOString() : stage.heldSince;
    const isReported = !isNew && stage.message !== undefined && sameCause(stage.message, hold.message);
    return { ...stage, ...(heldSince === undefined ? {} : { heldSince }), reason, message: isReported ? stage.message : hold.message };
  });
}
