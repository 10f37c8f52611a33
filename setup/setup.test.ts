import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machineFault } from './machine.ts';

const GOOD: Machine = { platform: 'linux', arch: 'x64', glibc: '2.36', hasCommand: () => true };

describe('a machine', () => {
  it('that has everything has no fault', () => {
    expect(machineFault(GOOD)).toBeUndefined();
  });

  it.each([
    ['of another system', { platform: 'darwin', arch: 'arm64' }, /supports linux x64; this is darwin arm64/, /linux\/amd64 container/],
    ['of another processor', { arch: 'arm64' }, /this is linux arm64/, /Linux x64 machine/],
    ['with another C library', { glibc: undefined }, /needs glibc/, /Debian/],
    ['without a compiler', { hasCommand: (name: string) => name !== 'g++' }, /g\+\+ is missing/, /apt-get install g\+\+/],
    ['without Python', { hasCommand: (name: string) => name !== 'python3' }, /python3 is missing/, /apt-get install python3/],
  ])('%s gets a message that says what is missing and how to fix it', (_, difference, what, fix) => {
    const fault = machineFault({ ...GOOD, ...difference });
    expect(fault?.message).toMatch(what);
    expect(fault?.fix).toMatch(fix);
  });
});

describe('set-up', () => {
  let cache = '';
  beforeAll(() => {
    cache = mkdtempSync(join(tmpdir(), 'carpal-setup-'));
  });
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  const setUp = (environment: Record<string, string>, ...args: readonly string[]) => {
    const done = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
      encoding: 'utf8',
      env: { ...process.env, CARPAL_CACHE: cache, ...environment },
    });
    return { status: done.status, text: `${done.stdout}${done.stderr}` };
  };

  it('ends with 69 on a machine without tools, and names the first missing tool', () => {
    const { status, text } = setUp({ PATH: dirname(process.execPath) });
    expect(status).toBe(69);
    expect(text).toContain('set-up stopped: g++ is missing.');
  });

  it('names, without a network, the folder for a wheel downloaded by hand, and leaves no partial download', () => {
    const { status, text } = setUp({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: '' });
    expect(status).toBe(69);
    expect(text).toMatch(/Is the machine online/);
    expect(text).toMatch(/Offline: put tensorflow_cpu-2\.18\.1-\S+\.whl into /);
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });

  it('says why the cluster tools need Go, and how to get it, on a machine without Go', () => {
    const { status, text } = setUp({ PATH: dirname(process.execPath) }, 'cluster-tools');
    expect(status).toBe(69);
    expect(text).toContain('go is missing; the control plane for the tests is built from source.');
    expect(text).toContain('Install Go 1.21 or newer');
  });
});
