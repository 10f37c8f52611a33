/** Reports what a step has changed: as events, as log lines and in the metrics. */
import { withoutUndefined } from '@carpal/configs/json.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { EventRecorder, ObjectEvent } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import type { PlannedEvent } from '../experiment/events.ts';
import { gpusOf } from '../experiment/gpu-seconds.ts';
import type { Plan } from '../experiment/plan.ts';
import { stageTitle } from '../experiment/stage.ts';
import type { StatusChange } from '../experiment/status-diff.ts';
import { type KeptExperiment, regarding } from './experiment-object.ts';
import type { OperatorMetrics } from './metrics.ts';

export type Reporting = {
  readonly events: EventRecorder;
  readonly log: Log;
  readonly metrics: Pick<OperatorMetrics, 'stageEnded' | 'gpuSeconds'>;
};

/** Reports a plan whose status was written. */
export function reportPlan(
  { events, log, metrics }: Reporting,
  kept: KeptExperiment,
  experiment: SegmentationExperiment,
  plan: Plan,
): void {
  events.record(regarding(kept), joinEvents(plan.events));
  logChanges(log, kept, plan.changes);
  countEnds(metrics, experiment, plan.changes);
}

type Fields = { readonly metadata: Pick<ObjectMeta, 'namespace' | 'name'> };

/** One line for each state that has changed. */
export function logChanges(log: Log, { metadata }: Fields, changes: readonly StatusChange[]): void {
  const experiment = keyOf(metadata);
  for (const change of changes) {
    if (change.kind === 'experiment') {
      const { from, to, reason } = change;
      log.info({ experiment, from, to, reason }, 'the experiment has a new state');
    } else if (change.kind === 'stage') {
      const { key, before, after } = change;
      if (before.state === after.state && before.attempts === after.attempts) continue;
      const { attempts: attempt, state: to, reason, message } = after;
      const fields = { stage: stageTitle(key), attempt, from: before.state, to, ...withoutUndefined({ reason, message }) };
      log.info({ experiment, ...fields }, 'a stage has a new state');
    }
  }
}

/** Counts attempts that ended, and the GPU time that they used, also before an eviction: as the status of the experiment. */
function countEnds(metrics: Reporting['metrics'], { spec }: SegmentationExperiment, changes: readonly StatusChange[]): void {
  for (const change of changes) {
    if (change.kind !== 'stage') continue;
    const { stage } = change.key;
    for (const end of change.ends) metrics.stageEnded(stage, end);
    const gpuSeconds = change.ranSeconds * gpusOf(spec.placement, stage);
    if (gpuSeconds > 0) metrics.gpuSeconds(gpuSeconds);
  }
}

/** Reasons of events that follow from the successful end of a stage and are reported together with it. */
const FOLLOWS_AN_END: readonly PlannedEvent['reason'][] = ['StageStarted', 'Queued', 'ExperimentComplete'];

/**
 * One event for each type and reason, in the order of their first events: `folds 0–4, attempt 1`. The end of a stage joins the event that
 * it leads to in the same step: `prepare finished; folds 0–4, attempt 1`.
 */
export function joinEvents(events: readonly PlannedEvent[]): readonly ObjectEvent[] {
  const next = events.find(({ reason }) => FOLLOWS_AN_END.includes(reason))?.reason;
  const reasonOf = ({ reason }: PlannedEvent): PlannedEvent['reason'] => (reason === 'StageFinished' ? (next ?? reason) : reason);
  const groups = Map.groupBy(events, (event) => `${event.type} ${reasonOf(event)}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ type: first.type, reason: reasonOf(first), note: joinNotes(endsFirst(group)) }];
  });
}

const endsFirst = (group: readonly PlannedEvent[]): readonly PlannedEvent[] =>
  group.toSorted((a, b) => Number(b.reason === 'StageFinished') - Number(a.reason === 'StageFinished'));

/** Notes that say the same about several folds become one note. */
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
  return texts.join('; ');
}

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
