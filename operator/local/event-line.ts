/** Events as lines for a person at a terminal. */
import type { PlannedEvent } from '../experiment/events.ts';

/** The end in failure is told once, with the log to read, when the run is over. */
export function isToldAtTheEnd({ type, stage }: PlannedEvent): boolean {
  return type === 'Warning' && stage === undefined;
}

/** Events that the table shows anyway. */
const SHOWN_BY_TABLE: ReadonlySet<string> = new Set(['StageStarted', 'StageFinished', 'StageRetried', 'ExperimentComplete']);

/** One event in one or more lines, without a time. */
export function eventLine({ reason, note, type, stage }: PlannedEvent): string {
  if (reason === 'StageStarted') return `${note.replace(/, attempt 1$/, '')}: started`;
  if (reason === 'StageRetried') return `${note}: started${stage === 'fold' ? ', going on from the last checkpoint if there is one' : ''}`;
  if (reason === 'ExperimentComplete') return 'complete';
  if (stage === undefined) return `${reason}: ${note}`;
  return type === 'Warning' ? `${note.replace(':', ' failed:')}` : note;
}

/** The events worth a line above the live table. */
export function notableEvents(events: readonly PlannedEvent[]): readonly PlannedEvent[] {
  return events.filter((event) => !SHOWN_BY_TABLE.has(event.reason) && !isToldAtTheEnd(event));
}
