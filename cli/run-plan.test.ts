import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { carpal, run } from '@carpal/testbed/cli/run-cli.ts';
import { TINY_MANIFEST } from '@carpal/testbed/cli/tiny-manifest.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-cli-plan-'));
  const made = await run(carpal('data', 'synth', '--out', 'data', '--people', '4', '--size', '128'), folder);
  expect(made.code, made.stderr).toBe(0);
  await writeFile(join(folder, 'tiny.yaml'), TINY_MANIFEST);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const runTiny = (...words: readonly string[]) => run(carpal('run', 'tiny.yaml', ...words), folder);

const ATTEMPTS = ['tiny-prepare-1', 'tiny-fold-0-1', 'tiny-fold-1-1', 'tiny-ensemble-1'];

type PlanJson = Readonly<Record<string, unknown>> & { readonly stages: readonly { attempt: string }[]; readonly batchSize: number };
const planOf = ({ stdout }: { stdout: string }): PlanJson => JSON.parse(stdout) as PlanJson;

describe('carpal run --dry-run', () => {
  it('prints the stages, the work of each fold, and time and memory from timed steps, and writes nothing', async () => {
    const { code, stdout, stderr } = await runTiny('--dry-run');
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^tiny-prepare-1\n {2}.* prepare --experiment /);
    expect(stdout).toMatch(/\nFOLD {2}IMAGES {2}VALIDATED {2}STEPS\/EPOCH +TIME\n {3}0 /);
    expect(stdout).toMatch(/3 steps timed on this machine: [\d.]+ s per step/);
    expect(stdout).toMatch(/expected time: \w+ with 1 fold at a time\nexpected peak memory: [\d.]+ GB .* the limit is/);
    expect(stdout).toContain('not measured:\n- early stopping');
    expect(await readdir(folder)).not.toContain('.carpal');
  });

  it('prints the same as JSON', async () => {
    const plan = planOf(await runTiny('--dry-run', '--json'));
    expect(plan).toMatchObject({
      experiment: 'tiny',
      inputSize: 64,
      batchSize: 2,
      foldsAtOnce: 1,
      folds: [0, 1].map((fold) => ({ fold, stepsPerEpoch: expect.any(Number), seconds: expect.any(Number) })),
      trial: { steps: 3, stepSeconds: expect.any(Number), peakMemoryMb: expect.any(Number), device: expect.any(String) },
      memoryMb: expect.any(Number),
      memoryLimitMb: expect.any(Number),
    });
    expect(plan.stages.map(({ attempt }) => attempt)).toEqual(ATTEMPTS);
  });

  it('runs no timed steps with --no-trial', async () => {
    const { stdout } = await runTiny('--dry-run', '--no-trial');
    expect(stdout).toMatch(/FOLD {2}IMAGES {2}VALIDATED {2}STEPS\/EPOCH\n/);
    expect(stdout).toMatch(/time and memory were not measured\n$/);
    expect(planOf(await runTiny('--dry-run', '--no-trial', '--json'))).toMatchObject({ trial: null, notMeasured: ['time and memory'] });
  });

  it.each([['--json'], ['--no-trial']])('is required for %s', async (flag) => {
    expect(await runTiny(flag)).toMatchObject({ code: 64, stderr: expect.stringContaining(`${flag} is only valid with --dry-run`) });
  });
});

describe('a size that is auto', () => {
  it('is measured before the run, reported, and kept by a run that continues, until it starts over', { timeout: 120_000 }, async () => {
    const auto = ['--set', 'training.batchSize=auto', '--workdir', 'work', '--out', 'out'];
    const first = await runTiny(...auto);
    expect(first.code, first.stderr).toBe(0);
    const chosen = Number(/^training\.batchSize: (\d+) \(/m.exec(first.stdout)?.[1]);
    expect(chosen).toBeGreaterThan(0);
    const experiments = join(folder, 'work/artifacts/experiments/default/tiny');
    const [uid = ''] = await readdir(experiments);
    const record = JSON.parse(await readFile(join(experiments, uid, 'experiment.json'), 'utf8')) as { spec: { training: object } };
    expect(record.spec.training).toMatchObject({ batchSize: chosen });
    const again = await runTiny(...auto);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).not.toContain('tried');

    const done = await runTiny(...auto, '--dry-run', '--json', '--no-trial');
    expect(planOf(done).stages).toEqual([]);
    const changed = [
      '--set',
      'training.epochs=3',
      '--set',
      `training.batchSize=${chosen}`,
      '--workdir',
      'work',
      '--dry-run',
      '--json',
      '--no-trial',
    ];
    expect(await runTiny(...changed)).toMatchObject({ code: 78, stderr: expect.stringContaining('manifest-immutable') });
    const over = planOf(await runTiny(...changed, '--fresh'));
    expect(over.stages.map(({ attempt }) => attempt)).toEqual(ATTEMPTS);
  });

  it('is reported by a dry run, and is unknown without a trial', async () => {
    const auto = ['--dry-run', '--set', 'input.size=auto', '--workdir', 'other', '--json'];
    const { stdout, stderr } = await runTiny(...auto);
    expect(planOf({ stdout })).toMatchObject({ inputSize: 256 });
    expect(stderr).toMatch(/^tried SlimUNet at 256 px .*\ninput\.size: 256 /);
    expect(await runTiny(...auto, '--no-trial')).toMatchObject({ code: 78, stderr: expect.stringContaining('sizes-unmeasured') });
  });

  it('is refused by a stage, which needs numbers', async () => {
    await writeFile(join(folder, 'auto.yaml'), TINY_MANIFEST.replace('size: 64', 'size: auto'));
    const stage = await run(carpal('prepare', '--experiment', 'auto.yaml', '--artifacts', 'artifacts'), folder);
    expect(stage).toMatchObject({ code: 78, stderr: expect.stringContaining('sizes-unmeasured: spec.input.size is auto') });
    const valid = await run(carpal('validate', 'auto.yaml'), folder);
    expect(valid).toMatchObject({ code: 0, stdout: expect.stringContaining('SlimUNet at a size to be measured, 2 of 2 folds') });
  });
});
