import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadExperiment } from '@carpal/configs/load.ts';
import { carpal, run as runCli } from '@carpal/testbed/cli/run-cli.ts';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'carpal-cost-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const FILE = 'configs/experiments/unet-512.yaml';
const cost = (...args: string[]) => runCli(carpal('cost', FILE, '--images', '800', ...args), PROJECT);

/** Creates a run of the manifest with metrics of two epochs. Returns its folder. */
function pastRun(name: string, set: readonly string[] = []): string {
  const experiment = loadExperiment(FILE, { set: [...set] });
  const run = join(folder, 'artifacts/experiments/default', name, 'uid-1');
  mkdirSync(join(run, 'folds/0'), { recursive: true });
  writeFileSync(join(run, 'experiment.json'), JSON.stringify(experiment));
  const line = { step: 320, learningRate: 0.001, loss: 1, validationLoss: 1, dice: 0.5, perClassDice: [], memoryMb: 1 };
  const lines = [1, 2].map((epoch) => JSON.stringify({ ...line, epoch, step: epoch * 320, seconds: 80, imagesPerSecond: 10 }));
  writeFileSync(join(run, 'folds/0/metrics.ndjson'), `${lines.join('\n')}\n`);
  return run;
}

describe('carpal cost', () => {
  it('multiplies step time by epochs and prices', async () => {
    const { code, stdout } = await cost('--step-ms', '120', '--json');
    expect(code).toBe(0);
    const estimate = JSON.parse(stdout);
    expect(estimate.total).toMatchObject({ steps: 160_000, validations: 500 });
    expect(estimate.onDemand).toMatchObject({ instanceType: 'p3.2xlarge', perFoldHour: 3.06, price: { date: '2026-01-19' } });
    expect(estimate.total.onDemand).toBeCloseTo(estimate.total.gpuHours * 3.06);
  });

  it('takes the step time of a past run by its folder, by the file of a fold, or by its name', async () => {
    const run = pastRun('past');
    const totals = await Promise.all(
      [[run], [join(run, 'folds/0/metrics.ndjson')], ['past', '--workdir', folder]].map(async ([place = '', ...rest]) => {
        const { stdout, stderr } = await cost('--history', place, ...rest, '--json');
        expect(stderr).toBe('');
        return JSON.parse(stdout);
      }),
    );
    // 10 images per second are 200 ms per step of 2 images. 80 s minus 64 s of training leave 16 s for validating 160 images.
    for (const { pace } of totals) expect(pace).toEqual({ stepMs: 200, validationMsPerImage: 100 });
  });

  it('counts the images of a local data set, fold by fold', async () => {
    for (const person of [1, 2, 3, 4, 5, 6]) {
      const images = join(folder, `hands/train/DCM/ID00${person}`);
      mkdirSync(images, { recursive: true });
      for (const side of person === 6 ? ['L'] : ['L', 'R']) writeFileSync(join(images, `${side}.png`), '');
    }
    const { stdout } = await runCli(
      carpal('cost', FILE, '--step-ms', '100', '--json', '--set', `spec.dataset.uri=${join(folder, 'hands')}`),
      PROJECT,
    );
    const { folds, assumed } = JSON.parse(stdout);
    const images = folds.map(({ train, validation }: { train: number; validation: number }) => train + validation);
    expect(images).toEqual([11, 11, 11, 11, 11]);
    expect(folds.reduce((sum: number, { validation }: { validation: number }) => sum + validation, 0)).toBe(11);
    expect(assumed[0]).toContain('11 training images, counted in ');
  });

  it.each([
    ['no step time', [], 'the time of a training step on these nodes is not known'],
    ['a run that does not exist', ['--history', 'unknown-run', '--workdir', folder], 'there is no run "unknown-run"'],
    ['two step times', ['--history', 'x', '--step-ms', '1'], '--step-ms and --history both give a step time'],
    ['nodes with different GPUs', ['--step-ms', '1', '--environment', 'eks-g'], 'T4, A10G, L4'],
    ['nodes that are too small', ['--step-ms', '1', '--set', 'spec.placement.memory=900Gi'], 'no node has room for a fold with 1 GPU,'],
    ['an unknown environment', ['--step-ms', '1', '--environment', 'moon'], 'there is no environment "moon"'],
    ['an invalid step time', ['--step-ms', '-1'], 'above 0'],
  ])('refuses %s', async (_, args, said) => {
    const { code, stdout, stderr } = await cost(...args);
    expect([code !== 0, stdout]).toEqual([true, '']);
    expect(stderr).toContain(said);
  });

  it('refuses the step time of another network or size', async () => {
    const { stderr } = await cost('--history', pastRun('larger', ['spec.input.size=1024']));
    expect(stderr).toContain('the run differs in spec.input.size');
  });

  it('asks for the number of images if the data set is not local', async () => {
    const { stderr } = await runCli(carpal('cost', FILE, '--step-ms', '100'), PROJECT);
    expect(stderr).toContain('--images');
  });
});
