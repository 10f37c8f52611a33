import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@carpal/testbed/cluster/wait-for.ts';
import { journal, makeWorld, pidsOf, runHere, stagesWithTwoWriters } from '@carpal/testbed/operator/local-world.ts';
import { describe, expect, it } from 'vitest';

const RUNNER = fileURLToPath(new URL('../../testbed/operator/stand-in-runner/main.ts', import.meta.url));

function startRunner(world: string): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', RUNNER, world], { stdio: ['ignore', 'inherit', 'inherit'] });
}

const attempts = (world: string, stage: string): number => pidsOf(world, stage).length;

describe('an experiment on this machine', () => {
  it('runs prepare, the folds and the ensemble, each once', async () => {
    const world = await makeWorld({});
    const { end, status, experiment } = await runHere(world);
    expect(end).toBe('complete');
    expect(status?.progress).toBe('100%');
    for (const stage of ['prepare', 'fold-0', 'fold-1', 'ensemble']) expect(attempts(world, stage), stage).toBe(1);
    const record = join(world, `work/artifacts/experiments/default/wrist/${experiment.metadata.uid}/experiment.json`);
    expect(JSON.parse(readFileSync(record, 'utf8')).metadata.annotations).toMatchObject({ 'carpal.dev/version': 'test' });
  });

  it('does nothing if it is already complete', async () => {
    const world = await makeWorld({});
    const first = await runHere(world);
    const second = await runHere(world);
    expect(second.end).toBe('complete');
    expect(second.experiment.metadata.uid).toBe(first.experiment.metadata.uid);
    expect(attempts(world, 'prepare')).toBe(1);
  });

  it('starts over with --fresh', async () => {
    const world = await makeWorld({});
    const first = await runHere(world);
    const second = await runHere(world, { fresh: true });
    expect(second.experiment.metadata.uid).not.toBe(first.experiment.metadata.uid);
    expect(attempts(world, 'ensemble')).toBe(2);
  });

  it('never trains more folds at the same time than run.parallelism allows', async () => {
    const world = await makeWorld({});
    const counts: number[] = [];
    const onStep = ({ plan }: { plan: { status: { folds: readonly { state: string }[] } } }): void => {
      counts.push(plan.status.folds.filter(({ state }) => state === 'Running').length);
    };
    await runHere(world, { run: { parallelism: 1 }, onStep });
    expect(Math.max(...counts)).toBeLessThanOrEqual(1);
  });
});

describe('a stage that fails', () => {
  it.each([
    ['is retried after exit 1', [1, 0], 2],
    ['is retried after a kill -9 of the stage', ['kill-self', 0], 2],
    ['is retried after exit 75', [75, 0], 2],
  ] as const)('%s', async (_case, parts, expected) => {
    const world = await makeWorld({ 'fold-0': parts });
    expect((await runHere(world)).end).toBe('complete');
    expect(attempts(world, 'fold-0')).toBe(expected);
  });

  it('is final after exit 78: the message names the stage, and the other fold stops with a checkpoint', async () => {
    const world = await makeWorld({ 'fold-0': [78], 'fold-1': ['hang'] });
    const { end, status } = await runHere(world);
    expect(end).toBe('failed');
    expect(attempts(world, 'fold-0')).toBe(1);
    const failed = status?.conditions.find(({ type }) => type === 'Failed');
    expect(failed).toMatchObject({ reason: 'InvalidData', message: 'fold 0 ended with exit 78: working on fold-0\nthe last words' });
    expect(journal(world, 'fold-1')).not.toContain('two writers');
    expect((await runHere(world)).end).toBe('failed');
    expect(attempts(world, 'fold-0')).toBe(1);
  });

  it('reports its own error instead of its log', async () => {
    const world = await makeWorld({ 'fold-1': ['report-and-fail'] });
    const { status } = await runHere(world);
    const failed = status?.conditions.find(({ type }) => type === 'Failed');
    expect(failed?.message).toContain('image-unreadable: x.png is cut short → Replace it.');
  });

  it('uses its whole budget and no more', async () => {
    const world = await makeWorld({ prepare: [1] });
    const { end, status } = await runHere(world, { run: { maxFailures: 2 } });
    expect([end, status?.conditions.find(({ type }) => type === 'Failed')?.reason]).toEqual(['failed', 'FailureBudgetExceeded']);
    expect(attempts(world, 'prepare')).toBe(3);
  });

  it('is retried after another program has killed it with kill -9', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0] });
    const running = runHere(world, { run: { folds: [0] } });
    await until('the fold runs', () => attempts(world, 'fold-0') === 1);
    process.kill(pidsOf(world, 'fold-0')[0] ?? 0, 'SIGKILL');
    const { end, status } = await running;
    expect([end, status?.folds[0]?.failures]).toEqual(['complete', 1]);
  });
});

describe('stopping', () => {
  it('asks the stages to stop, waits for their checkpoints, and uses no budget when the run continues', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0], 'fold-1': ['hang', 0] });
    const run = { maxFailures: 0, maxDisruptions: 0 };
    const stop = new AbortController();
    const running = runHere(world, { run, stop: stop.signal });
    await until('both folds run', () => attempts(world, 'fold-0') === 1 && attempts(world, 'fold-1') === 1);
    stop.abort();
    expect((await running).end).toBe('stopped');
    for (const stage of ['fold-0', 'fold-1']) expect(journal(world, stage)).toContain('checkpoint');
    const { end, status } = await runHere(world, { run });
    expect(end).toBe('complete');
    expect(status?.folds.map(({ failures, disruptions }) => failures + disruptions)).toEqual([0, 0]);
  });

  it('kills a stage that does not stop in time', async () => {
    const world = await makeWorld({ prepare: ['stubborn'] });
    const stop = new AbortController();
    const running = runHere(world, { stop: stop.signal, graceMs: 200 });
    await until('prepare runs', () => attempts(world, 'prepare') === 1);
    stop.abort();
    expect((await running).end).toBe('stopped');
    expect(journal(world, 'prepare')).toContain('asked to stop');
  });

  it('kills immediately at the second request', async () => {
    const world = await makeWorld({ prepare: ['stubborn'] });
    const [stop, kill] = [new AbortController(), new AbortController()];
    const running = runHere(world, { stop: stop.signal, kill: kill.signal, graceMs: 600_000 });
    await until('prepare runs', () => attempts(world, 'prepare') === 1);
    stop.abort();
    await until('prepare was asked', () => journal(world, 'prepare').includes('asked to stop'));
    kill.abort();
    expect((await running).end).toBe('stopped');
  });

  it('suspends with a checkpoint, and continues when run.suspend is false again', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0], 'fold-1': [0] });
    const stop = new AbortController();
    const running = runHere(world, { stop: stop.signal });
    await until('fold 0 runs', () => attempts(world, 'fold-0') === 1);
    stop.abort();
    await running;
    const rested = await runHere(world, { run: { suspend: true } });
    expect([rested.end, rested.status?.conditions.find(({ type }) => type === 'Suspended')?.status]).toEqual(['suspended', 'True']);
    const { end, status } = await runHere(world);
    expect([end, status?.folds[0]?.failures, status?.folds[0]?.disruptions]).toEqual(['complete', 0, 0]);
  });
});

describe('kill -9 of the runner', () => {
  it('stops the stages with a checkpoint, and the next runner continues with one writer per fold', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0], 'fold-1': ['hang', 0] });
    const runner = startRunner(world);
    await until('both folds run', () => attempts(world, 'fold-0') === 1 && attempts(world, 'fold-1') === 1);
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    await until('the folds stop by themselves', () => ['fold-0', 'fold-1'].every((stage) => journal(world, stage).includes('checkpoint')));
    const { end, status } = await runHere(world);
    expect(end).toBe('complete');
    expect(status?.folds.map(({ attempts: count, failures, disruptions }) => [count, failures, disruptions])).toEqual([
      [2, 0, 0],
      [2, 0, 0],
    ]);
    expect(await stagesWithTwoWriters(world)).toEqual([]);
  });

  it('makes the next runner end a stage that still runs before it starts another', async () => {
    const world = await makeWorld({ prepare: ['stubborn', 0] });
    const runner = startRunner(world);
    await until('prepare runs', () => attempts(world, 'prepare') === 1);
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    const { end } = await runHere(world, { graceMs: 300 });
    expect(end).toBe('complete');
    expect(attempts(world, 'prepare')).toBe(2);
    expect(await stagesWithTwoWriters(world)).toEqual([]);
  });
});

describe('a second runner in the same work folder', () => {
  it('is refused with the process that holds the lock, and accepted when that process has ended', async () => {
    const world = await makeWorld({ prepare: ['hang', 0] });
    const runner = startRunner(world);
    await until('prepare runs', () => attempts(world, 'prepare') === 1);
    await expect(runHere(world)).rejects.toMatchObject({
      code: 'run-locked',
      message: expect.stringContaining(`process ${runner.pid}`),
    });
    runner.kill('SIGTERM');
    expect(await once(runner, 'exit')).toEqual([75, null]);
    expect((await runHere(world)).end).toBe('complete');
  });
});

describe('a changed manifest', () => {
  it('is refused with every field that changed, and nothing is started', async () => {
    const world = await makeWorld({ prepare: ['hang', 0] });
    const stop = new AbortController();
    const running = runHere(world, { stop: stop.signal });
    await until('prepare runs', () => attempts(world, 'prepare') === 1);
    stop.abort();
    await running;
    await expect(runHere(world, { run: { maxFailures: 7 } })).rejects.toMatchObject({
      code: 'manifest-immutable',
      message: expect.stringContaining('spec.run.maxFailures'),
    });
    expect(attempts(world, 'prepare')).toBe(1);
    expect(existsSync(join(world, 'work/runs/default-wrist/run.json'))).toBe(true);
  });
});
