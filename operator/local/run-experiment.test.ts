import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@carpal/testbed/cluster/wait-for.ts';
import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import { givenTo, journal, makeWorld, pidsOf, runHere, stagesWithTwoWriters } from '@carpal/testbed/operator/local-world.ts';
import { describe, expect, it } from 'vitest';
import { identify } from './process-identity.ts';

const RUNNER = fileURLToPath(new URL('../../testbed/operator/stand-in-runner/main.ts', import.meta.url));

function startRunner(world: string): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', RUNNER, world], { stdio: ['ignore', 'inherit', 'inherit'] });
}

const attempts = (world: string, stage: string): number => pidsOf(world, stage).length;

/** Stops a run while this stage runs. */
async function stoppedDuring(world: string, stage: string): Promise<void> {
  const stop = new AbortController();
  const running = runHere(world, { stop: stop.signal });
  await until(`${stage} runs`, () => attempts(world, stage) === 1);
  stop.abort();
  await running;
}

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

  it('is final after exit 78, and the other fold finishes', async () => {
    const world = await makeWorld({ 'fold-0': [78] });
    const { end, status, failures } = await runHere(world);
    expect(end).toBe('failed');
    expect([attempts(world, 'fold-0'), attempts(world, 'fold-1'), attempts(world, 'ensemble')]).toEqual([1, 1, 0]);
    const failed = status?.conditions.find(({ type }) => type === 'Failed');
    expect(failed).toMatchObject({
      reason: 'InvalidData',
      message: expect.stringContaining('fold 0 ended with exit 78: working on fold-0\nthe last words'),
    });
    expect(failures).toMatchObject([{ stage: { stage: 'fold', fold: 0 }, attempts: 1, exitCode: 78 }]);
    expect((await runHere(world)).end).toBe('failed');
    expect(attempts(world, 'fold-0')).toBe(1);
  });

  it('stops the other fold with a checkpoint if run.onFoldFailure is stop', async () => {
    const world = await makeWorld({ 'fold-0': [{ exit: 78, whenBegun: 'fold-1' }], 'fold-1': ['hang'] });
    const { end } = await runHere(world, { run: { onFoldFailure: 'stop' } });
    expect(end).toBe('failed');
    expect(journal(world, 'fold-1')).toContain('checkpoint');
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
  it('is refused with every field that changed if the field decides the weights, and nothing is started', async () => {
    const world = await makeWorld({ prepare: ['hang', 0] });
    await stoppedDuring(world, 'prepare');
    await expect(runHere(world, { run: { folds: [0] } })).rejects.toMatchObject({
      code: 'manifest-immutable',
      message: expect.stringContaining('spec.run.folds'),
    });
    expect(attempts(world, 'prepare')).toBe(1);
    expect(existsSync(join(world, 'work/runs/default-wrist/run.json'))).toBe(true);
  });

  it('gives the next attempts its new budgets, deadlines and placement', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0] });
    await stoppedDuring(world, 'fold-0');
    const { placement } = experimentWith().spec;
    const run = { maxFailures: 7, foldDeadline: '3h' };
    expect((await runHere(world, { run, spec: { placement: { ...placement, memory: '96Gi' } } })).end).toBe('complete');
    const [first, second] = givenTo(world, 'fold-0');
    expect([first?.spec.run.maxFailures, first?.spec.placement.memory]).toEqual([2, '48Gi']);
    expect(second?.spec).toMatchObject({ run, placement: { memory: '96Gi' } });
  });

  it('with a higher run.retry continues a failed run in its folder: failed stages have new budgets, finished ones stay', async () => {
    const world = await makeWorld({ 'fold-0': [1, 1, 0] });
    const run = { maxFailures: 1 };
    expect((await runHere(world, { run })).end).toBe('failed');
    expect((await runHere(world, { run })).end).toBe('failed');
    const { end, status } = await runHere(world, { run: { ...run, retry: 1 } });
    expect([end, status?.retry, status?.folds[0]?.failures]).toEqual(['complete', 1, 0]);
    expect(givenTo(world, 'fold-0').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    for (const stage of ['prepare', 'fold-1', 'ensemble']) expect(attempts(world, stage), stage).toBe(1);
    expect((await runHere(world, { run })).end, 'without the field').toBe('complete');
  });

  it('with other settings of the ensemble runs only the ensemble of a complete run again', async () => {
    const world = await makeWorld({});
    await runHere(world);
    const { inference } = experimentWith().spec;
    const spec = { inference: { ...inference, threshold: 0.25 } };
    expect((await runHere(world, { spec })).end).toBe('complete');
    expect(givenTo(world, 'ensemble').map((given) => given.spec.inference.threshold)).toEqual([inference.threshold, 0.25]);
    for (const stage of ['prepare', 'fold-0', 'fold-1']) expect(attempts(world, stage), stage).toBe(1);
    await runHere(world, { spec });
    expect(attempts(world, 'ensemble')).toBe(2);
  });
});

describe('a disk or a store that cannot be used (exit 74)', () => {
  it('lets a stage be tried again until it can', async () => {
    const world = await makeWorld({ prepare: [74, 74, 0] });
    const { end, status } = await runHere(world);
    expect([end, status?.prepare.failures, status?.prepare.disruptions]).toEqual(['complete', 0, 2]);
  });

  it('ends the run with that error after three more tries, and the same command continues', async () => {
    const world = await makeWorld({ 'fold-0': [74, 74, 74, 74, 0] });
    await expect(runHere(world)).rejects.toMatchObject({
      exit: 74,
      message: expect.stringContaining('the last words'),
      fix: expect.stringContaining('the same command continues'),
    });
    expect(attempts(world, 'fold-0')).toBe(4);
    const { end, status } = await runHere(world);
    expect([end, status?.folds[0]?.disruptions]).toEqual(['complete', 3]);
    expect(attempts(world, 'fold-1')).toBe(1);
  });

  it('does not end the run while another fold trains', async () => {
    const world = await makeWorld({ 'fold-0': [74, 74, 74, 74, 74, 74, 0], 'fold-1': ['hang', 0] });
    const stop = new AbortController();
    const running = runHere(world, { stop: stop.signal });
    await until('fold 0 has finished', () => attempts(world, 'fold-0') === 7);
    stop.abort();
    expect((await running).end).toBe('stopped');
    expect((await runHere(world)).end).toBe('complete');
  });

  it('makes the run wait and try again when its own folder cannot be written', async () => {
    const world = await makeWorld({});
    const log = join(world, 'work/runs/default-wrist/logs/wrist-prepare-1.log');
    await mkdir(log, { recursive: true });
    const notices: string[] = [];
    const onNotice = (line: string): void => {
      notices.push(line);
      rmdirSync(log);
    };
    expect((await runHere(world, { onNotice })).end).toBe('complete');
    expect(notices).toEqual([expect.stringMatching(/^folder-unwritable: .*-1\.log\); the run tries again in 1 s \(1 of 3\)$/)]);
    expect(attempts(world, 'prepare')).toBe(1);
  });
});

describe('a stage that makes no progress', () => {
  it('is stopped after run.stallTimeout, killed if it does not stop, and tried again as a disruption', async () => {
    const world = await makeWorld({ 'fold-0': ['stubborn', 0] });
    const { end, status } = await runHere(world, { run: { stallTimeout: '1s' }, graceMs: 200 });
    expect([end, status?.folds[0]?.failures, status?.folds[0]?.disruptions]).toEqual(['complete', 0, 1]);
    expect(journal(world, 'fold-0')).toContain('asked to stop');
    expect(status?.folds[0]?.lastAttempts?.[0]).toMatchObject({ attempt: 1, reason: 'StageStalled' });
  });

  it('fails after run.stageDeadline', async () => {
    const world = await makeWorld({ prepare: ['hang'] });
    const { end, failures } = await runHere(world, { run: { stageDeadline: '1s' } });
    expect(end).toBe('failed');
    expect(failures).toMatchObject([{ stage: { stage: 'prepare' }, message: expect.stringContaining('StageDeadlineExceeded') }]);
    expect(journal(world, 'prepare')).toContain('checkpoint');
  });
});

describe('a work folder from another host', () => {
  const FOREIGN = { host: 'gpu-2', machineId: 'm2', bootId: 'b2' };

  /** Changes every record of a process in the folder as if another host had written it. */
  async function moveToOtherHost(world: string, bystander: number): Promise<void> {
    for (const folder of ['lock', 'runs/default-wrist/attempts']) {
      const path = join(world, 'work', folder);
      for (const file of await readdir(path)) {
        const record = JSON.parse(readFileSync(join(path, file), 'utf8'));
        const { finishedAt: _finishedAt, released: _released, exitCode: _exitCode, ...open } = record;
        await writeFile(join(path, file), JSON.stringify({ ...open, process: { ...identify(bystander), ...FOREIGN } }));
      }
    }
  }

  it('is refused, and continued without a signal to any process here when a person removes the lock', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0] });
    await stoppedDuring(world, 'fold-0');
    const bystander = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { detached: true });
    try {
      await moveToOtherHost(world, bystander.pid ?? 0);
      await expect(runHere(world)).rejects.toMatchObject({ code: 'run-locked', message: expect.stringContaining('on host gpu-2') });
      await rm(join(world, 'work/lock'), { recursive: true });
      const notices: string[] = [];
      expect((await runHere(world, { onNotice: (line) => notices.push(line) })).end).toBe('complete');
      expect(notices).toContainEqual(expect.stringMatching(/^wrist-fold-0-1 ran on host gpu-2 .* no process gets a signal$/));
      expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
    } finally {
      bystander.kill('SIGKILL');
    }
  });

  it('makes a run stop when a person removes its lock while it holds it', async () => {
    const world = await makeWorld({ 'fold-0': ['hang', 0] });
    const running = runHere(world);
    running.catch(() => undefined);
    await until('the fold runs', () => attempts(world, 'fold-0') === 1);
    await rm(join(world, 'work/lock'), { recursive: true });
    process.kill(pidsOf(world, 'fold-0')[0] ?? 0, 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'run-locked', message: expect.stringContaining('was removed') });
  });
});
