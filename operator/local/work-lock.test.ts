import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identify } from './process-identity.ts';
import { lockWorkFolder } from './work-lock.ts';

const workFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'carpal-lock-'));

async function claim(folder: string, process: object): Promise<void> {
  await mkdir(join(folder, 'lock'), { recursive: true });
  await writeFile(join(folder, 'lock/3.json'), JSON.stringify({ process, what: 'experiment other' }));
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
    ['a process from before the last restart of the machine', { bootId: 'another' }],
  ])('is taken over from %s', async (_case, fields) => {
    const folder = await workFolder();
    await claim(folder, { ...identify(process.pid), ...fields });
    await expect(lockWorkFolder(folder, 'a run')).resolves.toBeDefined();
  });

  it('is not taken over from a running process or from a process on another machine', async () => {
    const folder = await workFolder();
    await claim(folder, identify(process.pid));
    await expect(lockWorkFolder(folder, 'a run')).rejects.toMatchObject({ code: 'run-locked', where: folder });
    await claim(folder, { ...identify(process.pid), host: 'elsewhere' });
    await expect(lockWorkFolder(folder, 'a run')).rejects.toMatchObject({ message: expect.stringContaining('on elsewhere') });
  });
});
