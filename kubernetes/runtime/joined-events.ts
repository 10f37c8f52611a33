/** Several planned events of one step, told as one where they have the same reason. */
import type { PlannedEvent } from '@carpal/operator/experiment/events.ts';
import { stageTitle } from '@carpal/operator/experiment/stage.ts';

/** A note longer than this is refused. */
export const LONGEST_NOTE = 1024;

export type JoinedEvent = { readonly type: PlannedEvent['type']; readonly reason: PlannedEvent['reason']; readonly note: string };

/** `folds 0–4`, `folds 0, 2–3`. The numbers are in order. */
function foldsText(folds: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const fold of folds) {
    const last = ranges.at(-1);
    if (last !== undefined && fold === last[1] + 1) last[1] = fold;
    else ranges.push([fold, fold]);
  }
  const text = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
  return `${folds.length === 1 ? 'fold' : 'folds'} ${text}`;
}

/** Notes of folds that say the same after the fold's name become one note. */
function joinNotes(events: readonly PlannedEvent[]): string {
  const notes = new Map<string, number[] | undefined>();
  for (const { stage, fold, note } of events) {
    const title = stage === undefined || fold === undefined ? undefined : stageTitle({ stage, fold });
    if (fold === undefined || title === undefined || !note.startsWith(title)) notes.set(note, undefined);
    else {
      const rest = note.slice(title.length);
      notes.set(rest, [...(notes.get(rest) ?? []), fold]);
    }
  }
  const texts = Array.from(notes, ([text, folds]) => (folds === undefined ? text : foldsText(folds.toSorted((a, b) => a - b)) + text));
  const whole = texts.join('; ');
  return whole.length <= LONGEST_NOTE ? whole : `${whole.slice(0, LONGEST_NOTE - 1)}…`;
}

/** What the good end of a stage leads to; told together with it. */
const FOLLOWS_AN_END: readonly PlannedEvent['reason'][] = ['StageStarted', 'ExperimentComplete'];

/**
 * One event for each type and reason, in the order in which they first come: `folds 0–4, attempt 1`. That stages have finished is told with what
 * that led to, where it led to something in the same step: `prepare finished; folds 0–4, attempt 1`.
 */
export function joinEvents(events: readonly PlannedEvent[]): readonly JoinedEvent[] {
  const next = events.find(({ reason }) => FOLLOWS_AN_END.includes(reason))?.reason;
  const toldAs = ({ reason }: PlannedEvent): PlannedEvent['reason'] => (reason === 'StageFinished' ? (next ?? reason) : reason);
  const groups = Map.groupBy(events, (event) => `${event.type} ${toldAs(event)}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ type: first.type, reason: toldAs(first), note: joinNotes(endsFirst(group)) }];
  });
}

const endsFirst = (group: readonly PlannedEvent[]): readonly PlannedEvent[] =>
  group.toSorted((a, b) => Number(b.reason === 'StageFinished') - Number(a.reason === 'StageFinished'));
