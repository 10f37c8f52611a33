/** Figures and events as short text, for the live table and for plain lines. */
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
 * `failed`: the stage whose failure ends the experiment, if the event is about that failure. The whole error is printed once, at the end.
 */
type ShownEvent = { readonly event: PlannedEvent; readonly failed: string | undefined };

function shownEvents({ plan }: Step): readonly ShownEvent[] {
  const failed = entriesOf(plan.status).flatMap(([key, { state }]) => (state === 'Failed' ? [key] : []));
  return plan.events
    .filter(({ type, stage }) => type !== 'Warning' || stage !== undefined)
    .map((event) => {
      const key = failed.find(({ stage, fold }) => event.type === 'Warning' && stage === event.stage && fold === event.fold);
      return { event, failed: key && stageTitle(key) };
    });
}

/** Events that the table shows in another way. */
const SHOWN_BY_TABLE: ReadonlySet<string> = new Set(['StageStarted', 'StageFinished', 'StageRetried', 'ExperimentComplete']);

/** One event in one or more lines, without a time. */
function eventLine({ reason, note, type, stage }: PlannedEvent): string {
  if (reason === 'StageStarted') return `${note.replace(/, attempt 1$/, '')}: started`;
  if (reason === 'StageRetried') return `${note}: started${stage === 'fold' ? ', continues from the last checkpoint if there is one' : ''}`;
  if (reason === 'ExperimentComplete') return 'complete';
  if (stage === undefined) return `${reason}: ${note}`;
  return type === 'Warning' ? `${note.replace(':', ' failed:')}` : note;
}

/** The changes of a step as plain lines. */
export function eventLines(step: Step): readonly string[] {
  return shownEvents(step).map(({ event, failed }) => (failed === undefined ? eventLine(event) : `${failed} failed`));
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
