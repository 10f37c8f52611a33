import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heldMemoryMb, limitFiles, parseLimit, processMemoryMb, readMemoryLimit, sharedLimit } from './process-memory.ts';

describe.runIf(process.platform === 'linux')('processMemoryMb', () => {
  it('reports the resident memory of this process, its own part, and the peak', () => {
    const [now = 0, most = 0, own = 0] = (['VmRSS', 'VmHWM', 'RssAnon'] as const).map((figure) => processMemoryMb('self', figure));
    expect(now).toBeGreaterThan(10);
    expect(most).toBeGreaterThan(10);
    expect(own).toBeGreaterThan(1);
    expect(own).toBeLessThan(most);
  });

  it('is undefined for a process that does not exist', () => {
    expect(processMemoryMb(0, 'VmRSS')).toBeUndefined();
  });
});

it('heldMemoryMb reports memory that only this process holds', () => {
  expect(heldMemoryMb()).toBeGreaterThan(1);
});

const GIB = 2 ** 30;
let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-limit-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function machine(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(root, name);
  for (const [path, text] of Object.entries({ README: '', ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

describe('readMemoryLimit', () => {
  it('is the memory of the machine if no group has a limit', async () => {
    const at = await machine('bare', { 'proc/self/cgroup': '0::/user.slice\n', 'sys/fs/cgroup/user.slice/memory.max': 'max\n' });
    expect(await readMemoryLimit(at, 8 * GIB)).toEqual({ bytes: 8 * GIB, from: 'the machine' });
    expect(await readMemoryLimit(join(root, 'nowhere'), GIB)).toEqual({ bytes: GIB, from: 'the machine' });
  });

  it('is the smallest limit of a group and the groups above it', async () => {
    const at = await machine('pod', {
      'proc/self/cgroup': '0::/kubepods/pod1/box\n',
      'sys/fs/cgroup/kubepods/pod1/box/memory.max': 'max\n',
      'sys/fs/cgroup/kubepods/pod1/memory.max': `${2 * GIB}\n`,
      'sys/fs/cgroup/kubepods/memory.max': `${4 * GIB}\n`,
    });
    expect(await readMemoryLimit(at, 8 * GIB)).toEqual({ bytes: 2 * GIB, from: 'the control group' });
  });

  it('supports control groups of version 1, which report no limit as a number', async () => {
    const groups = '5:cpu,cpuacct:/a\n4:memory:/docker/1\n';
    const file = 'sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes';
    const limited = await machine('v1', { 'proc/self/cgroup': groups, [file]: `${GIB}\n` });
    expect(await readMemoryLimit(limited, 8 * GIB)).toEqual({ bytes: GIB, from: 'the control group' });
    const free = await machine('v1-free', { 'proc/self/cgroup': groups, [file]: '9223372036854771712\n' });
    expect(await readMemoryLimit(free, 8 * GIB)).toEqual({ bytes: 8 * GIB, from: 'the machine' });
  });

  it('is never larger than the machine', async () => {
    const at = await machine('wide', { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': `${64 * GIB}\n` });
    expect(await readMemoryLimit(at, 8 * GIB)).toEqual({ bytes: 8 * GIB, from: 'the machine' });
  });

  it('is plausible on this machine', async () => {
    expect((await readMemoryLimit()).bytes).toBeGreaterThan(2 ** 26);
  });
});

describe('limitFiles', () => {
  it('ignores groups that do not limit memory, and keeps colons in names', () => {
    expect(limitFiles('3:cpu:/a\n')).toEqual([]);
    expect(limitFiles('0::/a:b\n')).toEqual(['/sys/fs/cgroup/a:b/memory.max', '/sys/fs/cgroup/memory.max']);
  });

  it.each(['', 'max', '0', 'NaN', '-1'])('finds no limit in %j', (text) => {
    expect(parseLimit(text)).toBeUndefined();
  });
});

describe('sharedLimit', () => {
  it('divides the limit equally among the folds', () => {
    const whole = { bytes: 3 * GIB, from: 'the machine' };
    expect(sharedLimit(whole, 3)).toEqual({ bytes: GIB, from: 'the machine, shared by 3 folds' });
    expect(sharedLimit(whole, 1)).toEqual(whole);
  });
});
