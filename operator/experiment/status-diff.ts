/** What changed between two statuses of an experiment. Events, log lines and metrics are all made from this one list. */

import type { Reason, StageKey } from '@carpal/configs/names.ts';
import {
  type Condition,
  type ExperimentState,
  type ExperimentStatus,
  FRESH_STAGE,
  holdsPlace,
  type StageStatus,
} from '@carpal/configs/schema/status.ts';
import { addedSeconds } from './gpu-seconds.ts';
import { entriesOf, stageAt } from './stages.ts';

/** How an attempt ended. `stopped`: on request, which counts against no budget. */
export type AttemptEnd = 'failed' | 'disrupted' | 'succeeded' | 'stopped';

export type ExperimentChange = {
  readonly kind: 'experiment';
  readonly from: ExperimentState;
  readonly to: ExperimentState;
  readonly reason: Reason;
};

export type StageChange = {
  readonly kind: 'stage';
  readonly key: StageKey;
  readonly before: StageStatus;
  readonly after: StageStatus;
  /** Whether a new attempt begins. */
  readonly starts: boolean;
  /** How attempts ended since `before`: usually one, more if an earlier status was lost. */
  readonly ends: readonly AttemptEnd[];
  /** Whether the container of an attempt started. */
  readonly begins: boolean;
  /** Whether a queue stopped the container of the attempt, which continues when the queue admits it again. */
  readonly isEvicted: boolean;
  /** Seconds that the containers ran that have ended. */
  readonly ranSeconds: number;
  /** Whether the start is held back and the reason is new. */
  readonly isHeld: boolean;
  /** Warnings that the stage did not report before. */
  readonly warnings: readonly string[];
};

/** `before` is undefined if the earlier status did not have the condition. */
export type ConditionChange = { readonly kind: 'condition'; readonly before: Condition | undefined; readonly after: Condition };

export type StatusChange = ExperimentChange | StageChange | ConditionChange;

/** The changes in order: the experiment's state, its stages, its conditions. Figures such as epochs and losses are not changes. */
export function statusDiff(before: ExperimentStatus | undefined, after: ExperimentStatus): readonly StatusChange[] {
  return [
    ...experimentChange(before, after),
    ...entriesOf(after).flatMap(([key, stage]) => stageChange(key, stageAt(before, key) ?? FRESH_STAGE, stage)),
    ...after.conditions.flatMap((condition) =>
      conditionChange(
        before?.conditions.find(({ type }) => type === condition.type),
        condition,
      ),
    ),
    ...pastConditions(before, after).map((condition) => ({ kind: 'condition' as const, before: condition, after: noLonger(condition) })),
  ];
}

function experimentChange(before: ExperimentStatus | undefined, { state: to, reason }: ExperimentStatus): ExperimentChange[] {
  const from = before?.state ?? 'Pending';
  return from === to ? [] : [{ kind: 'experiment', from, to, reason }];
}

function stageChange(key: StageKey, before: StageStatus, after: StageStatus): StageChange[] {
  const starts = after.attempts > before.attempts;
  const ends = attemptEnds(before, after);
  const isHeld = after.heldSince !== undefined && (before.heldSince === undefined || before.message !== after.message);
  const isSame = after.state === before.state && after.attempts === before.attempts;
  const ranSeconds = addedSeconds(before.activeSeconds, after.activeSeconds);
  const hasNewStart = after.startedAt !== before.startedAt;
  const begins = after.startedAt !== undefined && (starts || hasNewStart);
  const isEvicted = before.startedAt !== undefined && hasNewStart && holdsPlace(after) && !starts && ends.length === 0;
  const warnings = (after.warnings ?? []).filter((warning) => !before.warnings?.includes(warning));
  const hasChanged = starts || isHeld || isEvicted || begins || ranSeconds !== 0 || ends.length > 0 || warnings.length > 0;
  if (isSame && !hasChanged) return [];
  return [{ kind: 'stage', key, before, after, starts, ends, begins, isEvicted, ranSeconds, isHeld, warnings }];
}

function attemptEnds(before: StageStatus, after: StageStatus): readonly AttemptEnd[] {
  const ends: AttemptEnd[] = [];
  if (after.failures > before.failures) ends.push('failed');
  if (after.disruptions > before.disruptions) ends.push('disrupted');
  if (after.state === 'Succeeded' && before.state !== 'Succeeded') ends.push('succeeded');
  // A missed deadline uses no budget.
  if (after.state === 'Failed' && before.state !== 'Failed' && ends.length === 0) ends.push('failed');
  if (ends.length > 0 || after.state !== 'Stopped') return ends;
  // An attempt that still runs while its experiment ends is Stopped without having ended.
  return before.state === 'Stopping' || after.activeSeconds > before.activeSeconds ? ['stopped'] : [];
}

function conditionChange(before: Condition | undefined, after: Condition): ConditionChange[] {
  return (before?.status ?? 'False') === after.status ? [] : [{ kind: 'condition', before, after }];
}

/** Conditions that were True and are absent now: the planner understands a manifest again that was Held. */
function pastConditions(before: ExperimentStatus | undefined, after: ExperimentStatus): readonly Condition[] {
  const isAbsent = ({ type }: Condition): boolean => !after.conditions.some((condition) => condition.type === type);
  return before?.conditions.filter((condition) => condition.status === 'True' && isAbsent(condition)) ?? [];
}

const noLonger = (condition: Condition): Condition => ({
  ...condition,
  status: 'False',
  reason: 'ManifestUnderstood',
  message: 'the operator understands the manifest',
});
