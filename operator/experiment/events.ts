/** Events that report what a plan changes. For people; nothing may depend on them. */
import type { ConditionType, Reason, StageKey } from '@carpal/configs/names.ts';
import type { PlacementSpec } from '@carpal/configs/schema/experiment.ts';
import type { StageName } from '@carpal/configs/schema/progress.ts';
import { stageTitle } from './stage.ts';
import type { ConditionChange, StageChange, StatusChange } from './status-diff.ts';

/** `stage` and `fold` are absent for an event about the experiment as a whole. */
export type PlannedEvent = Partial<StageKey> & { readonly type: 'Normal' | 'Warning'; readonly reason: Reason; readonly note: string };

/** Lists of events show one line per event; the API server accepts 1,024 characters. */
const inOneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 1024);

/** Changes of these conditions are worth an event of this type. */
const CONDITION_EVENTS: Partial<Record<ConditionType, { readonly on: PlannedEvent['type']; readonly off?: PlannedEvent['type'] }>> = {
  Suspended: { on: 'Normal', off: 'Normal' },
  Complete: { on: 'Normal', off: 'Normal' },
  Failed: { on: 'Warning', off: 'Normal' },
  Held: { on: 'Warning', off: 'Normal' },
};

/** The events that report these changes, in order. `placement` says which stages a queue admits. */
export function eventsOf(changes: readonly StatusChange[], placement: QueuePlacement): readonly PlannedEvent[] {
  return changes.flatMap((change) => {
    if (change.kind === 'stage') return stageEvents(change, queueOf(placement, change.key.stage));
    return change.kind === 'condition' ? conditionEvents(change) : [];
  });
}

/** What decides the queue of each stage. */
type QueuePlacement = Pick<PlacementSpec, 'queueName' | 'prepare' | 'ensemble'>;

/** The queue that the manifest names for a stage; '' without a queue. */
function queueOf({ queueName, prepare, ensemble }: QueuePlacement, stage: StageName): string {
  if (stage === 'prepare') return prepare?.queueName ?? '';
  return stage === 'ensemble' ? (ensemble?.queueName ?? queueName) : queueName;
}

/** Reasons of a disruption that have an event of their own. */
const DISRUPTIONS: readonly Reason[] = ['StoppedWithCheckpoint', 'StoreUnavailable', 'StageStalled'];

function stageEvents(change: StageChange, queue: string): PlannedEvent[] {
  const { key, before, after, ends } = change;
  const attempt = `${stageTitle(key)}, attempt ${after.attempts}`;
  const cause = after.message === undefined ? '' : `: ${after.message}`;
  const events: PlannedEvent[] = [];
  const add = (type: PlannedEvent['type'], reason: Reason, note: string): void => {
    events.push({ ...key, type, reason, note: inOneLine(note) });
  };
  if (change.isEvicted) add('Normal', 'StageEvicted', `${attempt}${cause}`);
  for (const { reason, note } of startsOf(change, queue)) add('Normal', reason, `${attempt}${note}`);
  for (const warning of change.warnings) add('Warning', 'StageWarned', `${stageTitle(key)}: ${warning}`);
  if (ends.includes('failed')) add('Warning', after.reason === 'OutOfMemory' ? 'OutOfMemory' : 'StageFailed', `${attempt}${cause}`);
  if (ends.includes('disrupted')) {
    const reason = DISRUPTIONS.find((one) => one === after.reason) ?? 'StageDisrupted';
    add(reason === 'StoppedWithCheckpoint' ? 'Normal' : 'Warning', reason, `${attempt}${cause}`);
  }
  if (change.isHeld) add('Warning', after.reason ?? 'StagePending', `${attempt}, cannot be started${cause}`);
  if (ends.includes('stopped') && before.state === 'Stopping')
    add('Normal', 'StoppedWithCheckpoint', `${stageTitle(key)} stopped on request`);
  if (ends.includes('succeeded')) add('Normal', 'StageFinished', `${stageTitle(key)} finished`);
  return events;
}

type Start = { readonly reason: Reason; readonly note: string };

/** An attempt that a queue must admit has not started when its Job exists, but when its container starts. */
function startsOf({ before, after, starts, begins, ends, isEvicted }: StageChange, queue: string): readonly Start[] {
  const started: Start = { reason: after.attempts === 1 ? 'StageStarted' : 'StageRetried', note: '' };
  if (queue === '') {
    if (starts) return [started];
    // The operator's own settings can name a queue as well.
    return before.state === 'Starting' && after.state === 'Queued'
      ? [{ reason: 'Queued', note: ` ${after.message ?? 'waits in a queue'}` }]
      : [];
  }
  if (starts && !begins && ends.length === 0) return [{ reason: 'Queued', note: ` waits in queue ${queue}` }];
  if (!starts && !begins) return [];
  // A first attempt that has run time was evicted.
  return [{ ...started, note: isEvicted || (after.attempts === 1 && begins && after.activeSeconds > 0) ? ' continues' : '' }];
}

function conditionEvents({ after }: ConditionChange): PlannedEvent[] {
  const row = CONDITION_EVENTS[after.type];
  const type = after.status === 'True' ? row?.on : row?.off;
  return type === undefined ? [] : [{ type, reason: after.reason, note: inOneLine(after.message) }];
}
