/** Events that report what a plan changes. For people; nothing may depend on them. */
import type { ConditionType, Reason, StageKey } from '@carpal/configs/names.ts';
import { stageTitle } from './stage.ts';
import type { ConditionChange, StageChange, StatusChange } from './status-diff.ts';

/** `stage` and `fold` are absent for an event about the experiment as a whole. */
export type PlannedEvent = Partial<StageKey> & { readonly type: 'Normal' | 'Warning'; readonly reason: Reason; readonly note: string };

/** Lists of events show one line per event; the API server accepts 1,024 characters. */
const inOneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 1024);

/** Changes of these conditions are worth an event of this type. */
const CONDITION_EVENTS: Partial<Record<ConditionType, { readonly on: PlannedEvent['type']; readonly off?: PlannedEvent['type'] }>> = {
  Suspended: { on: 'Normal', off: 'Normal' },
  Complete: { on: 'Normal' },
  Failed: { on: 'Warning' },
};

/** The events that report these changes, in order. */
export function eventsOf(changes: readonly StatusChange[]): readonly PlannedEvent[] {
  return changes.flatMap((change) => {
    if (change.kind === 'stage') return stageEvents(change);
    return change.kind === 'condition' ? conditionEvents(change) : [];
  });
}

function stageEvents({ key, before, after, starts, ends, isHeld }: StageChange): PlannedEvent[] {
  const attempt = `${stageTitle(key)}, attempt ${after.attempts}`;
  const cause = after.message === undefined ? '' : `: ${after.message}`;
  const events: PlannedEvent[] = [];
  const add = (type: PlannedEvent['type'], reason: Reason, note: string): void => {
    events.push({ ...key, type, reason, note: inOneLine(note) });
  };
  if (starts) add('Normal', after.attempts === 1 ? 'StageStarted' : 'StageRetried', attempt);
  if (ends.includes('failed')) add('Warning', after.reason === 'OutOfMemory' ? 'OutOfMemory' : 'StageFailed', `${attempt}${cause}`);
  if (ends.includes('disrupted')) {
    const hasCheckpoint = after.reason === 'StoppedWithCheckpoint';
    add(hasCheckpoint ? 'Normal' : 'Warning', hasCheckpoint ? 'StoppedWithCheckpoint' : 'StageDisrupted', `${attempt}${cause}`);
  }
  if (isHeld) add('Warning', 'StagePending', `${attempt}, cannot be started${cause}`);
  if (ends.includes('stopped') && before.state === 'Stopping')
    add('Normal', 'StoppedWithCheckpoint', `${stageTitle(key)} stopped on request`);
  if (ends.includes('succeeded')) add('Normal', 'StageFinished', `${stageTitle(key)} finished`);
  return events;
}

function conditionEvents({ after }: ConditionChange): PlannedEvent[] {
  const row = CONDITION_EVENTS[after.type];
  const type = after.status === 'True' ? row?.on : row?.off;
  return type === undefined ? [] : [{ type, reason: after.reason, note: inOneLine(after.message) }];
}
