/** Events: one for each change between the status written last and the new one. For people; nothing may depend on them. */

import { type Condition, type ExperimentStatus, FRESH_STAGE, type StageStatus } from '@carpal/configs/experiment-status.ts';
import type { ConditionType, Reason } from '@carpal/configs/names.ts';
import { type StageKey, stageTitle } from './stage.ts';
import { entriesOf, stageAt } from './stages.ts';

export type PlannedEvent = StageKeyOrNone & { readonly type: 'Normal' | 'Warning'; readonly reason: Reason; readonly note: string };
type StageKeyOrNone = { readonly stage?: StageKey['stage']; readonly fold?: number };

/** Lists of events have a line for each; the API server takes 1,024 characters. */
const inOneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 1024);

function stageEvents(key: StageKey, before: StageStatus, after: StageStatus): PlannedEvent[] {
  const title = stageTitle(key);
  const events: PlannedEvent[] = [];
  const add = (type: PlannedEvent['type'], reason: Reason, note: string): void => {
    events.push({ ...key, type, reason, note: inOneLine(note) });
  };
  const cause = after.message === undefined ? '' : `: ${after.message}`;
  if (after.attempts > before.attempts) {
    add('Normal', after.attempts === 1 ? 'StageStarted' : 'StageRetried', `${title}, attempt ${after.attempts}`);
  }
  if (after.failures > before.failures) {
    add('Warning', after.reason === 'OutOfMemory' ? 'OutOfMemory' : 'StageFailed', `${title}, attempt ${after.attempts}${cause}`);
  }
  if (after.disruptions > before.disruptions) {
    const stopped = after.reason === 'StoppedWithCheckpoint';
    add(
      stopped ? 'Normal' : 'Warning',
      stopped ? 'StoppedWithCheckpoint' : 'StageDisrupted',
      `${title}, attempt ${after.attempts}${cause}`,
    );
  }
  if (after.heldSince !== undefined && (before.heldSince === undefined || before.message !== after.message))
    add('Warning', 'StagePending', `${title}, attempt ${after.attempts}, cannot be started${cause}`);
  if (after.state === 'Stopped' && before.state === 'Stopping') add('Normal', 'StoppedWithCheckpoint', `${title} stopped on request`);
  if (after.state === 'Succeeded' && before.state !== 'Succeeded') add('Normal', 'StageFinished', `${title} finished`);
  return events;
}

/** Changes of the experiment's own conditions that are worth an event, and its type. */
const CONDITION_EVENTS: Partial<Record<ConditionType, { readonly on: PlannedEvent['type']; readonly off?: PlannedEvent['type'] }>> = {
  Suspended: { on: 'Normal', off: 'Normal' },
  Complete: { on: 'Normal' },
  Failed: { on: 'Warning' },
};

function conditionEvent(before: Condition | undefined, after: Condition): PlannedEvent[] {
  const row = CONDITION_EVENTS[after.type];
  if (row === undefined || (before?.status ?? 'False') === after.status) return [];
  const type = after.status === 'True' ? row.on : row.off;
  return type === undefined ? [] : [{ type, reason: after.reason, note: inOneLine(after.message) }];
}

/** The events of one step. A plan that changes nothing has none. */
export function eventsBetween(before: ExperimentStatus | undefined, after: ExperimentStatus): PlannedEvent[] {
  const events = entriesOf(after).flatMap(([key, stage]) => stageEvents(key, stageAt(before, key) ?? FRESH_STAGE, stage));
  const changes = after.conditions.flatMap((condition) =>
    conditionEvent(
      before?.conditions.find(({ type }) => type === condition.type),
      condition,
    ),
  );
  return [...events, ...changes];
}
