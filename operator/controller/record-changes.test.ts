import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { at, attempt, experimentWith, fold, PREPARE, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { PlannedEvent } from '../experiment/events.ts';
import type { StageRun } from '../experiment/observed.ts';
import { type Plan, plan } from '../experiment/plan.ts';
import { joinEvents, reportPlan } from './record-changes.ts';

const started = (index: number, number = 1): PlannedEvent => ({
  ...{ stage: 'fold', fold: index, type: 'Normal', reason: 'StageStarted' },
  note: `fold ${index}, attempt ${number}`,
});

describe('the events of one step', () => {
  const notes = (events: readonly PlannedEvent[]): string[] => joinEvents(events).map(({ note }) => note);

  it('are one event if they say the same about several folds', () => {
    expect(notes([0, 1, 2, 3, 4].map((index) => started(index)))).toEqual(['folds 0–4, attempt 1']);
    expect(notes([4, 0, 2, 3].map((index) => started(index)))).toEqual(['folds 0, 2–4, attempt 1']);
    expect(notes([started(3)])).toEqual(['fold 3, attempt 1']);
  });

  it('are one event with every note if they have the same reason', () => {
    expect(notes([started(0), started(1, 2), started(2)])).toEqual(['folds 0, 2, attempt 1; fold 1, attempt 2']);
  });

  const finished = (stage: 'prepare' | 'ensemble'): PlannedEvent => ({
    ...{ stage, type: 'Normal', reason: 'StageFinished' },
    note: `${stage} finished`,
  });

  it('stay separate if their reasons differ, except the end of a stage and what it leads to', () => {
    const failed: PlannedEvent = { type: 'Warning', reason: 'StageFailed', note: 'fold 1 failed' };
    expect(joinEvents([finished('prepare'), started(0), failed, started(1)])).toEqual([
      { type: 'Normal', reason: 'StageStarted', note: 'prepare finished; folds 0–1, attempt 1' },
      { type: 'Warning', reason: 'StageFailed', note: 'fold 1 failed' },
    ]);
    const complete: PlannedEvent = { type: 'Normal', reason: 'ExperimentComplete', note: 'submission.csv is in the store' };
    expect(joinEvents([finished('ensemble'), complete])).toEqual([
      { type: 'Normal', reason: 'ExperimentComplete', note: 'ensemble finished; submission.csv is in the store' },
    ]);
    expect(joinEvents([finished('prepare'), failed])).toEqual([
      { type: 'Normal', reason: 'StageFinished', note: 'prepare finished' },
      { type: 'Warning', reason: 'StageFailed', note: 'fold 1 failed' },
    ]);
  });
});

describe('a plan whose status was written', () => {
  const experiment = experimentWith({ folds: [0, 1] });
  const kept = { metadata: { name: 'wrist', namespace: 'team' }, deletionRemovesArtifacts: false };

  /** What a plan causes: log lines, events, ended attempts and GPU seconds. */
  function reported(planned: Plan, of: SegmentationExperiment = experiment) {
    const [lines, notes, ends, gpuSeconds]: [object[], string[], string[], number[]] = [[], [], [], []];
    reportPlan(
      {
        log: { ...silentLog, info: (fields) => void lines.push(fields) },
        events: {
          record: (_regarding, events) => void notes.push(...events.map(({ note }) => note)),
          flush: async () => undefined,
          stats: { written: 0, lost: 0, waiting: 0 },
        },
        metrics: {
          stageEnded: (stage, outcome) => void ends.push(`${stage} ${outcome}`),
          gpuSeconds: (seconds) => void gpuSeconds.push(seconds),
        },
      },
      kept,
      of,
      planned,
    );
    return { lines, notes, ends, gpuSeconds };
  }

  const begun = plan(experiment, seen([]), at(0));
  const training = plan(experiment, seen([prepared()], begun.status), at(1));

  it('is logged with one line for each new state, and reported in joined events', () => {
    const { lines, notes, ends } = reported(training);
    expect(lines).toEqual([
      { experiment: 'team/wrist', from: 'Preparing', to: 'Training', reason: 'StagePending' },
      { experiment: 'team/wrist', stage: 'prepare', attempt: 1, from: 'Starting', to: 'Succeeded', reason: 'StageFinished' },
      { experiment: 'team/wrist', stage: 'fold 0', attempt: 1, from: 'Waiting', to: 'Starting' },
      { experiment: 'team/wrist', stage: 'fold 1', attempt: 1, from: 'Waiting', to: 'Starting' },
    ]);
    expect(notes).toEqual(['prepare finished; folds 0–1, attempt 1']);
    expect(ends).toEqual(['prepare succeeded']);
  });

  it('is logged with the cause of a failure, and counted with the seconds of its GPU', () => {
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 1, message: 'loss is NaN', finishedAt: at(9).toISOString() });
    const { lines, ends, gpuSeconds } = reported(plan(experiment, seen([prepared(), failed], training.status), at(10)));
    expect(lines[0]).toMatchObject({
      stage: 'fold 0',
      from: 'Starting',
      to: 'Waiting',
      reason: 'StageFailed',
      message: 'exit 1: loss is NaN',
    });
    expect([ends, gpuSeconds]).toEqual([['fold failed'], [9]]);
  });

  it('is not reported if it changes nothing', () => {
    const again = plan(experiment, seen([prepared()], training.status), at(2));
    expect(reported(again)).toEqual({ lines: [], notes: [], ends: [], gpuSeconds: [] });
  });

  it('counts as many GPU seconds as the status has, for every stage, evictions and missed deadlines included', () => {
    const { spec, ...rest } = experiment;
    const placement = { ...spec.placement, gpus: 2, prepare: { gpus: 1 }, ensemble: { gpus: 4 } };
    const own = { ...rest, spec: { ...spec, placement, run: { ...spec.run, onFoldFailure: 'stop' as const, foldDeadline: '100s' } } };
    const preparing = attempt(PREPARE, 1, { state: 'succeeded', finishedAt: at(10).toISOString() });
    const runs = (first: Partial<StageRun>, second: Partial<StageRun>): StageRun[] => [
      ...[preparing, attempt(fold(0), 1, { startedAt: at(20).toISOString(), ...first })],
      attempt(fold(1), 1, { startedAt: at(20).toISOString(), ...second }),
    ];
    const worlds: [number, StageRun[]][] = [
      [11, [preparing]],
      [25, runs({}, {})],
      // Fold 0 is evicted after 20 s, fold 1 is disrupted after 30 s.
      [51, runs({ state: 'queued', evictedAt: at(40).toISOString() }, { state: 'failed', exitCode: 75, finishedAt: at(50).toISOString() })],
      // Fold 0 misses its deadline 80 s after it continues at 60 s.
      [
        140,
        runs(
          { pendingSince: at(60).toISOString(), startedAt: at(60).toISOString() },
          { state: 'failed', exitCode: 75, finishedAt: at(50).toISOString() },
        ),
      ],
    ];
    let status: ExperimentStatus | undefined;
    let counted = 0;
    for (const [second, world] of worlds) {
      const planned = plan(own, seen(world, status), at(second));
      status = planned.status;
      counted += reported(planned, own).gpuSeconds.reduce((sum, seconds) => sum + seconds, 0);
    }
    expect(status?.folds.map(({ state, activeSeconds }) => [state, activeSeconds])).toEqual([
      ['Failed', 100],
      ['Waiting', 30],
    ]);
    expect(status?.gpuSeconds).toBe(10 * 1 + (20 + 80 + 30) * 2);
    expect(counted).toBe(status?.gpuSeconds);
  });
});
