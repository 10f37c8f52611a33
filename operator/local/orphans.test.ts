import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type AttemptRecord, openAttemptRecords } from './attempt-records.ts';
import { endOrphans } from './orphans.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process that has nothing to do with carpal. `script` runs in it once it has printed `ready`. */
async function startProcess(script: string, detached = true): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--eval', `${script};setInterval(() => {}, 1000);console.log('ready')`], { detached });
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

/** The signal that ended a process. Node reports it a moment after the system. */
async function signalOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode;
}

const record = (identity: ProcessIdentity): AttemptRecord => ({
  name: 'wrist-fold-0-1',
  stage: 'fold',
  fold: 0,
  attempt: 1,
  createdAt: '2000-01-01T00:00:00.000Z',
  startedAt: '2000-01-01T00:00:01.000Z',
  process: identity,
});

/** Ends the orphans of a folder with one open attempt of this process. Returns what was reported. */
async function endOrphanOf(identity: ProcessIdentity, wait: { graceMs?: number; killWaitMs?: number } = {}) {
  const records = await openAttemptRecords(await mkdtemp(join(tmpdir(), 'carpal-orphans-')));
  await records.put(record(identity));
  const notices: string[] = [];
  const ended = endOrphans(records, {
    graceMs: 200,
    killWaitMs: 200,
    ...wait,
    now: () => new Date('2000-01-02T00:00:00.000Z'),
    notice: (line) => notices.push(line),
  });
  return { ended, notices, records };
}

describe('an attempt whose runner died', () => {
  it('is stopped and recorded as ended', async () => {
    const child = await startProcess('');
    const { ended, notices, records } = await endOrphanOf(identify(child.pid ?? 0));
    await ended;
    expect(await signalOf(child)).toBe('SIGTERM');
    expect(notices).toEqual(['wrist-fold-0-1 still runs without its runner; waiting for it to stop']);
    expect(records.get('wrist-fold-0-1')).toMatchObject({ orphaned: true, finishedAt: '2000-01-02T00:00:00.000Z' });
  });

  it('is killed if it does not stop in time', async () => {
    const child = await startProcess("process.on('SIGTERM', () => {})");
    await (await endOrphanOf(identify(child.pid ?? 0))).ended;
    expect(await signalOf(child)).toBe('SIGKILL');
  });

  it('is reported with its process if it does not even end when it is killed', async () => {
    // It is in the process group of this test, so the signal to its own group does not reach it.
    const child = await startProcess("process.on('SIGTERM', () => {})", false);
    const { ended } = await endOrphanOf(identify(child.pid ?? 0));
    await expect(ended).rejects.toMatchObject({
      code: 'run-locked',
      message: `wrist-fold-0-1 still runs as process ${child.pid} after SIGKILL`,
    });
  });

  it.each([
    ['from another host', { host: 'gpu-2', machineId: 'm2', bootId: 'b2' }, 'on host gpu-2'],
    ['from another host of the same name', { machineId: 'm2', bootId: 'b2' }, 'on host'],
    ['from another container of this machine', { host: 'f00d', pidNamespace: 'pid:[1]' }, 'in another container on this machine (f00d)'],
  ])(
    '%s is never signalled: a process here that has its pid stays alive, and the attempt counts as ended',
    async (_case, fields, where) => {
      const child = await startProcess("process.on('SIGTERM', () => process.exit(1))");
      const bystander = identify(child.pid ?? 0);
      const { ended, notices, records } = await endOrphanOf({ ...bystander, ...fields });
      await ended;
      expect(isAlive(bystander)).toBe(true);
      expect(notices).toEqual([expect.stringContaining(where)]);
      expect(records.get('wrist-fold-0-1')).toMatchObject({ orphaned: true });
    },
  );

  it('is not signalled if another process has its pid now', async () => {
    const child = await startProcess("process.on('SIGTERM', () => process.exit(1))");
    const bystander = identify(child.pid ?? 0);
    const { ended, notices } = await endOrphanOf({ ...bystander, startTicks: 1 });
    await ended;
    expect([isAlive(bystander), notices]).toEqual([true, []]);
  });
});
