import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnvironment } from './environment.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-environment-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function environment(stages: string): Promise<string> {
  const file = join(folder, 'own.yaml');
  await writeFile(file, `name: own\nsummary: a cluster of our own\n${stages}`);
  return file;
}

describe('the stages of an environment', () => {
  it('are optional, field by field', async () => {
    expect(loadEnvironment(await environment('')).stages).toEqual({ prepare: {} });
    const file = await environment('stages: { prepare: { cpu: "4", queueName: cpu }, graceSeconds: 60, sharedMemory: 2Gi }');
    expect(loadEnvironment(file).stages).toEqual({ prepare: { cpu: '4', queueName: 'cpu' }, graceSeconds: 60, sharedMemory: '2Gi' });
  });

  it.each([
    ['stages: { prepare: { cpu: two } }', 'stages.prepare.cpu: '],
    ['stages: { prepare: { queueName: A } }', 'stages.prepare.queueName: '],
    ['stages: { graceSeconds: 5 }', 'stages.graceSeconds: '],
    ['stages: { sharedMemory: plenty }', 'stages.sharedMemory: '],
  ])('are refused with the path of the invalid field: %s', async (stages, path) => {
    const file = await environment(stages);
    expect(() => loadEnvironment(file)).toThrow(path);
  });
});
