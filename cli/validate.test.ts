import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

type Result = { code: number; stdout: string; stderr: string };

/** Runs `carpal validate` with these words in the project folder. */
async function validate(...words: string[]): Promise<Result> {
  try {
    return { code: 0, ...(await run(process.execPath, ['cli.ts', 'validate', ...words], { cwd: root })) };
  } catch (error) {
    return error as Result;
  }
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-validate-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const good = 'configs/experiments/quickstart.yaml';

describe('carpal validate', () => {
  it('prints one line for each valid file', async () => {
    const { code, stdout } = await validate(good, 'configs/experiments/minimal.yaml');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(' (')[0])).toEqual([`${good}: ok`, 'configs/experiments/minimal.yaml: ok', '']);
  });

  it('reports every problem of every invalid file, checks the others too, and ends with 78', async () => {
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, 'kind: SegmentationExperiment\nspec: {model: {name: UNett}}\n');
    const { code, stdout, stderr } = await validate(bad, join(folder, 'none.yaml'), good);
    expect([code, stderr]).toEqual([78, '']);
    expect(stdout).toContain('bad.yaml: 4 mistakes\n');
    expect(stdout).toContain(
      'bad.yaml:2 spec.model.name "UNett" is not a valid value\n    → Did you mean UNet? Valid values: UNet, SlimUNet',
    );
    expect(stdout).toContain('none.yaml there is no such file\n');
    expect(stdout).toContain(`${good}: ok`);
  });

  it('checks with a changed field, and prints JSON', async () => {
    const { code, stdout } = await validate(good, '--json', '--set', 'training.epochs=0');
    expect(code).toBe(78);
    expect(JSON.parse(stdout)).toMatchObject([
      { file: good, valid: false, mistakes: [{ where: '--set training.epochs=0', path: 'spec.training.epochs' }] },
    ]);
  });

  it('ends with 64 when called without a file', async () => {
    expect((await validate()).code).toBe(64);
  });
});
