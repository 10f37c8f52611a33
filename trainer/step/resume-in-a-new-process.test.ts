import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { SomeSteps } from './testing/some-steps-main.ts';

const MAIN = join(import.meta.dirname, 'testing/some-steps-main.ts');

/** The losses of some steps in a new process. */
async function train(request: SomeSteps): Promise<number[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, JSON.stringify(request)]);
  return JSON.parse(stdout) as number[];
}

it('a training that continues in a new process after five steps ends with the same bits as an uninterrupted one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-resume-'));
  const file = (name: string): string => join(folder, `${name}.safetensors`);
  try {
    const whole = await train({ from: 0, to: 10, save: file('whole') });
    const half = await train({ from: 0, to: 5, save: file('half') });
    const resumed = await train({ from: 5, to: 10, load: file('half'), save: file('resumed') });
    expect([...half, ...resumed]).toEqual(whole);
    const [uninterrupted, ended, halfway] = await Promise.all(['whole', 'resumed', 'half'].map((name) => readFile(file(name))));
    expect(ended?.equals(uninterrupted ?? Buffer.alloc(0))).toBe(true);
    expect(halfway?.equals(uninterrupted ?? Buffer.alloc(0))).toBe(false);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
