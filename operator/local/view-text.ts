/** Figures and events as short text, for the live table and for plain lines. */
import type { Reason } from '@carpal/configs/names.ts';
import { isTerminal } from '@carpal/configs/schema/status.ts';
import type { PlannedEvent } from '../experiment/events.ts';
import type { Step } from '../experiment/reconcile.ts';
import { stageTitle } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';

/** `45s`, `3m20s`, `2h05m`, `3d04h`. */
export function shortDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d${two(Math.floor((whole % 86_400) / 3600))}h`;
}

/** A loss or a Dice with three decimals; `–` if it is unknown. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return Math.abs(value) < 1000 ? value.toFixed(3) : value.toExponential(1);
}

/** Images per second, with one decimal below 100; `–` if it is unknown. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value < 100 ? value.toFixed(1) : String(Math.round(value));
}

/** A bar of `cells` characters, with a resolution of eighths of a character. `fraction` is clamped to 0..1. */
export function bar(fraction: number, cells: number): string {
  const eighths = Math.round(Math.min(Math.max(fraction, 0), 1) * cells * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const part = eighths % 8 === 0 ? '' : String.fromCodePoint(0x2590 - (eighths % 8));
  return (full + part).padEnd(cells, '░');
}

/**
 * `failed`: the stage whose failure ends the experiment, if the event is about that failure. The whole error is printed once, at the end. The
 * error of a fold that lets the others finish is printed immediately: the end may be hours away.
 */
type ShownEvent = { readonly event: PlannedEvent; readonly failed: string | undefined };

function shownEvents({ plan }: Step): readonly ShownEvent[] {
  const hasEnded = isTerminal(plan.status);
  const failed = entriesOf(plan.status).flatMap(([key, { state }]) => (hasEnded && state === 'Failed' ? [key] : []));
  return plan.events
    .filter(({ type, stage }) => type !== 'Warning' || stage !== undefined)
    .map((event) => {
      const isEnd = event.type === 'Warning' && event.reason !== 'StageWarned';
      const key = failed.find(({ stage, fold }) => isEnd && stage === event.stage && fold === event.fold);
      return { event, failed: key && stageTitle(key) };
    });
}

/** Events that the table shows in another way. */
const SHOWN_BY_TABLE: ReadonlySet<string> = new Set(['StageStarted', 'StageFinished', 'StageRetried', 'ExperimentComplete']);

/** What happened to an attempt, for the reasons of warnings. The note of a held start says it already. */
const ENDS: Partial<Record<Reason, string>> = {
  StageFailed: ' failed:',
  InvalidData: ' failed:',
  OutOfMemory: ' failed:',
  StageDisrupted: ' was disrupted:',
  StageWarned: ': warning:',
  StoreUnavailable: ' could not use the artifact store or a disk:',
};

/** One event in one or more lines, without a time. */
function eventLine({ reason, note, type, stage }: PlannedEvent): string {
  if (reason === 'StageStarted') return `${note.replace(/, attempt 1$/, '')}: started`;
  if (reason === 'StageRetried') return `${note}: started${stage === 'fold' ? ', continues from the last checkpoint if there is one' : ''}`;
  if (reason === 'ExperimentComplete') return 'complete';
  if (stage === undefined) return `${reason}: ${note}`;
  return type === 'Warning' ? note.replace(':', ENDS[reason] ?? ':') : note;
}

/** Shorter waits are not worth a line. */
const SHORTEST_WAIT_S = 5;

/** When the next attempts begin of the stages that wait for one since this step. */
function waitLines({ plan }: Step, now: Date): readonly string[] {
  return plan.changes.flatMap((change) => {
    if (change.kind !== 'stage' || change.ends.length === 0 || change.after.retryAt === undefined) return [];
    const seconds = Math.ceil((Date.parse(change.after.retryAt) - now.getTime()) / 1000);
    return seconds < SHORTEST_WAIT_S
      ? []
      : [`${stageTitle(change.key)}: attempt ${change.after.attempts + 1} in ${shortDuration(seconds)}`];
  });
}

/** The changes of a step as plain lines. */
export function eventLines(step: Step, now: Date): readonly string[] {
  const events = shownEvents(step).map(({ event, failed }) => (failed === undefined ? eventLine(event) : `${failed} failed`));
  return [...events, ...waitLines(step, now)];
}

/** The changes of a step that the live table does not show. */
export function notableLines(step: Step): readonly { readonly line: string; readonly isWarning: boolean }[] {
  return shownEvents(step)
    .filter(({ event, failed }) => failed === undefined && !SHOWN_BY_TABLE.has(event.reason))
    .flatMap(({ event }) =>
      eventLine(event)
        .split('\n')
        .map((line) => ({ line, isWarning: event.type === 'Warning' })),
    );
}
