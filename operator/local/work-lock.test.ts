import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identify } from './process-identity.ts';
import { lockWorkFolder } from './work-lock.ts';

const workFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'carpal-lock-'));

async function claim(folder: string, process: object, fields: object = {}): Promise<void> {
  await mkdir(join(folder, 'lock'), { recursive: true });
  await writeFile(join(folder, 'lock/3.json'), JSON.stringify({ process, what: 'experiment other', ...fields }));
}

describe('the lock of a work folder', () => {
  it('is given to only one of many concurrent requests', async () => {
    const folder = await workFolder();
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => lockWorkFolder(folder, 'a run')));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('can be taken again after it was released', async () => {
    const folder = await workFolder();
    for (let time = 0; time < 3; time++) await (await lockWorkFolder(folder, 'a run')).release();
    expect(await readdir(join(folder, 'lock'))).toEqual(['3.json']);
  });

  it.each([
    ['a process that has ended', { pid: 2 ** 22 + 1 }],
    ['a process whose pid now belongs to another process', { startTicks: 1 }],
  ])('is taken over from %s', async (_case, fields) => {
    const folder = await workFolder();
    await claim(folder, { ...identify(process.pid), ...fields });
    await expect(lockWorkFolder(folder, 'a run')).resolves.toBeDefined();
  });

  it('is taken over with a message when the hostname of this machine has changed', async () => {
    const folder = await workFolder();
    await claim(folder, { ...identify(process.pid), pid: 2 ** 22 + 1, host: 'old-name' });
    const notices: string[] = [];
    await lockWorkFolder(folder, 'a run', (line) => notices.push(line));
    expect(notices).toEqual([`the last run in ${folder} was on this machine when it was called old-name; this run continues from it`]);
  });

  it('is not taken over from a running process', async () => {
    const folder = await workFolder();
    await claim(folder, identify(process.pid));
    await expect(lockWorkFolder(folder, 'a run')).rejects.toMatchObject({
      code: 'run-locked',
      message: `experiment other is running here as process ${process.pid}`,
      where: folder,
    });
  });

  it.each([
    ['another host', { host: 'gpu-2', machineId: 'm2', bootId: 'b2' }, 'on host gpu-2'],
    ['another container of this machine', { host: 'f00d', pidNamespace: 'pid:[1]' }, 'in another container on this machine (f00d)'],
  ])('is refused with the place and what to do if a process in %s holds it', async (_case, fields, place) => {
    const folder = await workFolder();
    await claim(folder, { ...identify(process.pid), ...fields });
    await expect(lockWorkFolder(folder, 'a run')).rejects.toMatchObject({
      code: 'run-locked',
      message: `experiment other holds this work folder as process ${process.pid} ${place}; it cannot be checked from here`,
      fix: expect.stringContaining(`If it has ended, or this folder is a copy, remove ${join(folder, 'lock')}`),
    });
  });

  it('is free if a run on another host has released it', async () => {
    const folder = await workFolder();
    await claim(folder, { ...identify(process.pid), host: 'gpu-2', bootId: 'b2' }, { released: true });
    await expect(lockWorkFolder(folder, 'a run')).resolves.toBeDefined();
  });

  it('is lost when a person removes it, and its release then does not free the lock of the next run', async () => {
    const folder = await workFolder();
    const first = await lockWorkFolder(folder, 'a run');
    expect(await first.isHeld()).toBe(true);
    await rm(join(folder, 'lock'), { recursive: true });
    expect(await first.isHeld()).toBe(false);
    await claim(folder, { ...identify(process.pid), host: 'gpu-2', bootId: 'b2' });
    await first.release();
    await expect(lockWorkFolder(folder, 'a run')).rejects.toMatchObject({ code: 'run-locked' });
  });
});
