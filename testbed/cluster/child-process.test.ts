import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChild } from './child-process.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-tethered-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a child process', () => {
  it('reports its end however early it comes', async () => {
    const logFile = join(folder, 'brief.log');
    const started = Array.from({ length: 24 }, async (_, index) => {
      const child = await startChild({ program: 'sh', args: ['-c', `echo ${index}; exit ${index}`], logFile });
      return await child.ended;
    });
    const ends = await Promise.all(started);
    expect(ends.map(({ code }) => code)).toEqual(Array.from({ length: 24 }, (_, index) => index));
    const lines = (await readFile(logFile, 'utf8')).trim().split('\n').map(Number);
    expect(lines.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, index) => index));
  });
});
