import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from './observed.ts';
import { type Plan, plan } from './plan.ts';
import { ensembleInputs, type ReopeningSpec, reopens } from './reopen.ts';

type Changes = {
  readonly run?: Parameters<typeof experimentWith>[0];
  readonly inference?: Partial<SegmentationExperiment['spec']['inference']>;
  readonly generation?: number;
};

function experiment({ run, inference, generation = 1 }: Changes = {}): SegmentationExperiment {
  const made = experimentWith({ folds: [0, 1], ...run });
  return {
    ...made,
    metadata: { ...made.metadata, generation },
    spec: { ...made.spec, inference: { ...made.spec.inference, ...inference } },
  };
}

const done = (index: number): StageRun => attempt(fold(index), 1, { state: 'succeeded', finishedAt: at(50).toISOString() });
const broken = attempt(fold(1), 1, { state: 'failed', exitCode: 65, finishedAt: at(60).toISOString() });
const ensembled = attempt(ENSEMBLE, 1, { state: 'succeeded', finishedAt: at(90).toISOString() });
const condition = ({ conditions }: ExperimentStatus, type: string): string =>
  conditions
    .filter((one) => one.type === type)
    .map(({ status, reason }) => `${status} ${reason}`)
    .join();
const starts = ({ start }: Plan): readonly string[] => start.map(({ name }) => name);

/** An experiment whose ensemble has started and succeeded. */
function complete(): ExperimentStatus {
  const started = plan(experiment(), seen([prepared(), done(0), done(1)]), at(70)).status;
  return plan(experiment(), seen([prepared(), done(0), done(1), ensembled], started), at(95)).status;
}

const failed = plan(experiment(), seen([prepared(), done(0), broken], undefined, [report(1, { epoch: 3, epochs: 9 })]), at(70)).status;

describe('a higher run.retry', () => {
  const raised = { run: { retry: 1 }, generation: 2 };

  it('continues a failed experiment: the failed fold starts again with new budgets, and finished stages stay', () => {
    const planned = plan(experiment(raised), seen([prepared(), done(0), broken], failed), at(100));
    expect(starts(planned)).toEqual(['wrist-fold-1-2']);
    expect(planned.status).toMatchObject({ retry: 1, state: 'Training', foldsFinished: '1/2', observedGeneration: 2 });
    expect(planned.status.folds[1]).toMatchObject({ state: 'Starting', attempts: 2, failures: 0, activeSeconds: 0, epoch: 3 });
    expect(planned.status.folds[1]?.lastAttempts).toHaveLength(1);
    expect(planned.status).not.toHaveProperty('finishedAt');
    expect(condition(planned.status, 'Failed')).toBe('False Reopened');
    expect(planned.events.map(({ reason }) => reason)).toEqual(['Reopened', 'StageRetried']);
    expect(planned.status.conditions.find(({ type }) => type === 'Failed')?.message).toContain('run.retry is 1');
  });

  it('continues only once', () => {
    const first = plan(experiment(raised), seen([prepared(), done(0), broken], failed), at(100));
    const again = attempt(fold(1), 2, { state: 'failed', exitCode: 65, finishedAt: at(120).toISOString() });
    const end = plan(experiment(raised), seen([prepared(), done(0), broken, again], first.status), at(130)).status;
    expect(condition(end, 'Failed')).toBe('True InvalidData');
    expect(plan(experiment(raised), seen([prepared(), done(0), broken, again], end), at(140))).toMatchObject({ start: [], status: end });
  });

  it('continues folds that were stopped because another one failed, with the budgets that they have left', () => {
    const stop = experiment({ run: { onFoldFailure: 'stop' } });
    const disrupted = attempt(fold(0), 1, { state: 'failed', exitCode: 75, finishedAt: at(10).toISOString() });
    const end = plan(stop, seen([prepared(), disrupted, attempt(fold(0), 2, {}), broken]), at(70)).status;
    expect(end.folds[0]).toMatchObject({ state: 'Stopped', disruptions: 1 });
    const stopped = attempt(fold(0), 2, { state: 'failed', exitCode: 75, finishedAt: at(80).toISOString() });
    const planned = plan(experiment(raised), seen([prepared(), disrupted, stopped, broken], end), at(100));
    expect(starts(planned)).toEqual(['wrist-fold-0-3', 'wrist-fold-1-2']);
    expect(planned.status.folds[0]).toMatchObject({ disruptions: 1, failures: 0 });
  });

  it('waits until the attempts that were asked to stop have ended', () => {
    const stop = experiment({ run: { onFoldFailure: 'stop' } });
    const end = plan(stop, seen([prepared(), attempt(fold(0), 1, {}), broken]), at(70)).status;
    const leaving = plan(experiment(raised), seen([prepared(), attempt(fold(0), 1, { deleting: true }), broken], end), at(80));
    expect(leaving).toMatchObject({ status: end, start: [], stop: [], remove: [] });
    expect(starts(plan(experiment(raised), seen([prepared(), broken], end), at(90)))).toEqual(['wrist-fold-0-2', 'wrist-fold-1-2']);
  });

  it('continues a failed fold of an experiment that has not ended, and leaves the others alone', () => {
    const runs = [prepared(), attempt(fold(0), 1, {}), broken];
    const training = plan(experiment(), seen(runs), at(70)).status;
    expect(training.folds.map(({ state }) => state)).toEqual(['Running', 'Failed']);
    const planned = plan(experiment(raised), seen(runs, training), at(80));
    expect([starts(planned), planned.stop]).toEqual([['wrist-fold-1-2'], []]);
    expect(planned.status).toMatchObject({
      retry: 1,
      folds: [
        { state: 'Running', attempts: 1 },
        { state: 'Starting', failures: 0 },
      ],
    });
  });

  it('waits for a failed fold that is still stopping while the others continue', () => {
    const run = { foldDeadline: '1m' };
    const late = [prepared(), done(0), attempt(fold(1), 1, {})];
    const parallel = [...late.slice(0, 1), attempt(fold(0), 1, { startedAt: at(60).toISOString() }), attempt(fold(1), 1, {})];
    const training = plan(experiment({ run }), seen(parallel), at(70)).status;
    expect(training.folds.map(({ state }) => state)).toEqual(['Running', 'Failed']);
    const stopping = parallel.map((one) => (one.fold === 1 ? { ...one, deleting: true } : one));
    const early = plan(experiment({ run: { ...run, retry: 1 }, generation: 2 }), seen(stopping, training), at(75));
    expect(early.start).toEqual([]);
    expect(early.status.folds[1]?.state).toBe('Failed');
    expect(early.status).not.toHaveProperty('retry');
    const gone = plan(experiment({ run: { ...run, retry: 1 }, generation: 2 }), seen(parallel.slice(0, 2), early.status), at(80));
    expect(starts(gone)).toEqual(['wrist-fold-1-2']);
  });

  it('of a new experiment is only noted', () => {
    const { status } = plan(experiment({ run: { retry: 5 } }), seen([]), at(0));
    expect([status.retry, status.state]).toEqual([5, 'Preparing']);
    const end = plan(experiment({ run: { retry: 5 } }), seen([prepared(), done(0), broken], status), at(70)).status;
    expect(end.conditions.find(({ type }) => type === 'Failed')?.message).toContain('raise run.retry to 6');
    expect(reopens(experiment({ run: { retry: 5 }, generation: 2 }), end)).toBe(false);
  });

  it('runs every stage again, under new names, if the artifacts were removed', () => {
    const removed: ExperimentStatus = { ...failed, artifactsRemovedAt: at(80).toISOString() };
    const planned = plan(experiment(raised), seen([], removed), at(100));
    expect(starts(planned)).toEqual(['wrist-prepare-2']);
    expect(planned.status).not.toHaveProperty('artifactsRemovedAt');
    expect(planned.status.folds).toEqual(
      [0, 1].map((index) => ({ index, state: 'Waiting', attempts: 1, failures: 0, disruptions: 0, activeSeconds: 0 })),
    );
  });

  it('does not reopen a Complete experiment', () => {
    const status = complete();
    expect(reopens(experiment(raised), status)).toBe(false);
    expect(plan(experiment(raised), seen([], status), at(100))).toMatchObject({ start: [], status });
  });
});

describe('a change of inference or ensemble', () => {
  const changed = { inference: { threshold: 0.4 }, generation: 2 };

  it('after the end runs only the ensemble stage again', () => {
    const status = complete();
    expect(status.ensembleInputs).toBe(ensembleInputs(experiment()));
    const planned = plan(experiment(changed), seen([prepared(), done(0), done(1), ensembled], status), at(100));
    expect(starts(planned)).toEqual(['wrist-ensemble-2']);
    expect(planned.status).toMatchObject({
      state: 'Ensembling',
      foldsFinished: '2/2',
      ensembleInputs: ensembleInputs(experiment(changed)),
    });
    expect(planned.status.folds).toEqual(status.folds);
    expect([condition(planned.status, 'Complete'), condition(planned.status, 'Failed').split(' ')[0]]).toEqual(['False Reopened', 'False']);
    expect(planned.status).not.toHaveProperty('submission');
    const again = attempt(ENSEMBLE, 2, { state: 'succeeded', finishedAt: at(120).toISOString() });
    const end = plan(experiment(changed), seen([again], planned.status), at(130)).status;
    expect(condition(end, 'Complete')).toBe('True ExperimentComplete');
    expect(reopens(experiment({ ...changed, generation: 3 }), end)).toBe(false);
  });

  it('gives a failed ensemble new budgets', () => {
    const started = plan(experiment(), seen([prepared(), done(0), done(1)]), at(70)).status;
    const bad = attempt(ENSEMBLE, 1, { state: 'failed', exitCode: 78, finishedAt: at(90).toISOString() });
    const end = plan(experiment(), seen([prepared(), done(0), done(1), bad], started), at(95)).status;
    const planned = plan(experiment(changed), seen([prepared(), done(0), done(1), bad], end), at(100));
    expect([starts(planned), planned.status.ensemble.failures]).toEqual([['wrist-ensemble-2'], 0]);
  });

  it('while the ensemble runs takes effect when it has ended', () => {
    const started = plan(experiment(), seen([prepared(), done(0), done(1)]), at(70)).status;
    const running = plan(experiment(changed), seen([prepared(), done(0), done(1), attempt(ENSEMBLE, 1, {})], started), at(80));
    expect([running.start, running.stop, running.status.ensembleInputs]).toEqual([[], [], ensembleInputs(experiment())]);
    const end = plan(experiment(changed), seen([prepared(), done(0), done(1), ensembled], running.status), at(95)).status;
    expect(condition(end, 'Complete')).toBe('True ExperimentComplete');
  });

  it('reopens nothing without a change of the spec, without a record of the inputs, or without artifacts', () => {
    const status = complete();
    const { ensembleInputs: _inputs, ...old } = status;
    expect(reopens(experiment(changed), status)).toBe(true);
    expect(reopens(experiment({ ...changed, generation: 1 }), status)).toBe(false);
    expect(reopens(experiment(changed), old)).toBe(false);
    expect(reopens(experiment(changed), { ...status, artifactsRemovedAt: at(100).toISOString() })).toBe(false);
    expect(reopens(experiment({ run: { parallelism: 2 }, generation: 2 }), status)).toBe(false);
  });
});

describe('the inputs of the ensemble', () => {
  const spec = (inference?: object, ensemble?: object): ReopeningSpec => ({
    metadata: {},
    spec: { ...(inference === undefined ? {} : { inference }), ...(ensemble === undefined ? {} : { ensemble }) },
  });
  const withWindow = (window: object): SegmentationExperiment => {
    const made = experimentWith();
    return experimentSchema.parse({ ...made, spec: { ...made.spec, inference: { window } } });
  };

  it('are the same whether defaults are written out or not, and in any order', () => {
    expect(ensembleInputs(spec())).toBe(ensembleInputs(experimentWith()));
    expect(ensembleInputs(spec({ ttaScale: 0.1, threshold: 0.4 }))).toBe(ensembleInputs(spec({ threshold: 0.4, ttaScale: 0.1 }, {})));
    expect(ensembleInputs(spec({ window: { stride: 256 } }))).toBe(ensembleInputs(withWindow({ stride: 256 })));
  });

  it('differ for every value', () => {
    const all = [
      spec(),
      spec({ threshold: 0.4 }),
      spec({ tta: ['identity'] }),
      spec({ window: {} }),
      spec({ window: { stride: 256 } }),
      spec({ window: { stride: 256, sheetSize: 2048 } }),
      spec({}, { method: 'hard' }),
    ];
    expect(new Set(all.map(ensembleInputs)).size).toBe(all.length);
  });
});
