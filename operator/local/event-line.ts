/** Events as lines for a person at a terminal. */
import type { PlannedEvent } from '../experiment/events.ts';
import type { Step } from '../experiment/reconcile.ts';
import { stageTitle } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';

/** An event; `failed` is the stage whose failure ends the experiment, if it is of that: the failure is told once, in full, at the end. */
type ToldEvent = { readonly event: PlannedEvent; readonly failed: string | undefined };

function told({ plan }: Step): readonly ToldEvent[] {
  const failed = entriesOf(plan.status).flatMap(([key, { state }]) => (state === 'Failed' ? [key] : []));
  return plan.events
    .filter(({ type, stage }) => type !== 'Warning' || stage !== undefined)
    .map((event) => {
      const key = failed.find(({ stage, fold }) => event.type === 'Warning' && stage === event.stage && fold === event.fold);
      return { event, failed: key && stageTitle(key) };
    });
}

/** Events that the table shows anyway. */
const SHOWN_BY_TABLE: ReadonlySet<string> = new Set(['StageStarted', 'StageFinished', 'StageRetried', 'ExperimentComplete']);

/** One event in one or more lines, without a time. */
function eventLine({ reason, note, type, stage }: PlannedEvent): string {
  if (reason === 'StageStarted') return `${note.replace(/, attempt 1$/, '')}: started`;
  if (reason === 'StageRetried') return `${note}: started${stage === 'fold' ? ', going on from the last checkpoint if there is one' : ''}`;
  if (reason === 'ExperimentComplete') return 'complete';
  if (stage === undefined) return `${reason}: ${note}`;
  return type === 'Warning' ? `${note.replace(':', ' failed:')}` : note;
}

/** What a step changed, in plain lines. */
export function eventLines(step: Step): readonly string[] {
  return told(step).map(({ event, failed }) => (failed === undefined ? eventLine(event) : `${failed} failed`));
}

/** What a step changed and the live table does not show. */
export function notableLines(step: Step): readonly { readonly line: string; readonly isWarning: boolean }[] {
  return told(step)
    .filter(({ event, failed }) => failed === undefined && !SHOWN_BY_TABLE.has(event.reason))
    .flatMap(({ event }) =>
      eventLine(event)
        .split('\n')
        .map((line) => ({ line, isWarning: event.type === 'Warning' })),
    );
}
