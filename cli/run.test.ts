import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { carpal, run, start } from '@carpal/testbed/cli/run-cli.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The high learning rate and the low threshold give non-empty masks to compare although such a network has learned almost nothing.
const MANIFEST = `apiVersion: carpal.dev/v1alpha1
kind: SegmentationExperiment
metadata: {name: tiny}
spec:
  dataset: {uri: data, split: {folds: 2}}
  model: {name: SlimUNet, options: {width: 4, depth: 3}}
  input: {size: 64}
  augmentations: [{name: flipHorizontal, probability: 0.5}]
  optimizer: {learningRate: 3e-2}
  training: {epochs: 30, batchSize: 2}
  inference: {threshold: 0.3}
  run: {parallelism: 1}
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-cli-run-'));
  const made = await run(carpal('data', 'synth', '--out', 'data', '--people', '4', '--test-people', '1', '--size', '256'), folder);
  expect(made.code, made.stderr).toBe(0);
  await writeFile(join(folder, 'tiny.yaml'), MANIFEST);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const runInto = (name: string): readonly string[] => carpal('run', 'tiny.yaml', '--workdir', `work-${name}`, '--out', name);

/** Submission, scores and the weights of every fold, as text. */
async function resultsOf(name: string): Promise<Record<string, string>> {
  const experiments = join(folder, `work-${name}`, 'artifacts/experiments/default/tiny');
  const [uid = ''] = await readdir(experiments);
  const weights = [0, 1].flatMap((fold) => ['best', 'last'].map((kind) => `folds/${fold}/checkpoint/${kind}.safetensors`));
  const paths = [
    ...['submission.csv', 'scores.json'].map((file) => [file, join(folder, name, file)] as const),
    ...weights.map((file) => [file, join(experiments, uid, file)] as const),
  ];
  return Object.fromEntries(await Promise.all(paths.map(async ([file, path]) => [file, (await readFile(path)).toString('base64')])));
}

/** The process id of the running stage, from the record in the work folder. */
async function stagePid(name: string, attempt: string): Promise<number> {
  const record = JSON.parse(await readFile(join(folder, `work-${name}`, `runs/default-tiny/attempts/${attempt}.json`), 'utf8'));
  return (record as { process: { pid: number } }).process.pid;
}

describe('carpal run', () => {
  it('ends with the bytes of an uninterrupted run after kill -9 of the runner and of a fold', { timeout: 120_000 }, async () => {
    const straight = await run(runInto('straight'), folder);
    expect(straight.code, straight.stderr).toBe(0);
    expect(straight.stdout).toContain('tiny is complete');

    const killed = start(runInto('broken'), folder);
    await killed.printed('fold 0: epoch 2/30');
    killed.process.kill('SIGKILL');
    expect((await killed.ended).killedBy).toBe('SIGKILL');

    const second = start(runInto('broken'), folder);
    await second.printed('fold 1: epoch 3/30');
    process.kill(await stagePid('broken', 'tiny-fold-1-1'), 'SIGKILL');
    const { code, stdout, stderr } = await second.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('fold 1, attempt 1 failed: exit 137, SIGKILL\n');
    expect(stdout).toContain('fold 1, attempt 2: started, continues from the last checkpoint');

    const [expected, results] = [await resultsOf('straight'), await resultsOf('broken')];
    expect(results).toEqual(expected);
    const submission = Buffer.from(results['submission.csv'] ?? '', 'base64').toString();
    expect(submission).toMatch(/^image_name,class,rle\n/);
    expect(submission, 'there are masks to compare').toMatch(/,\d+ \d+/);
    expect(await readdir(join(folder, 'broken'))).toEqual(await readdir(join(folder, 'straight')));
  });

  it('does nothing for a complete run and says where its results are', async () => {
    const { code, stdout } = await run(runInto('straight'), folder);
    expect(code).toBe(0);
    expect(stdout).not.toContain('started');
    expect(stdout).toMatch(/tiny is complete.*\n +straight\/submission\.csv/);
  });

  it('keeps everything when a fold fails for good, says how to continue, and then ends as an uninterrupted run', {
    timeout: 120_000,
  }, async () => {
    const budget = ['--set', 'run.maxFailures=0'];
    const first = start([...runInto('failed'), ...budget], folder);
    await first.printed('fold 0: epoch 3/30');
    process.kill(await stagePid('failed', 'tiny-fold-0-1'), 'SIGKILL');
    const { code, stdout, stderr } = await first.ended;
    expect(code, stderr).toBe(69);
    expect(stdout).toContain('fold 0, attempt 1 failed: failed once, run.maxFailures is 0; last: exit 137, SIGKILL');
    expect(stdout).toContain('fold 1 finished');
    expect(stderr).toContain('fold 0 failed (attempt 1); its log: ');
    expect(stderr).toContain('tiny has failed; 1 of 2 folds finished (1), and everything is kept.');
    expect(stderr).toContain('set run.retry to 1 in the manifest (or add --set run.retry=1)');

    const planned = await run([...runInto('failed'), ...budget, '--set', 'run.retry=1', '--dry-run', '--no-trial', '--json'], folder);
    const { stages } = JSON.parse(planned.stdout) as { stages: readonly { attempt: string }[] };
    expect(stages.map(({ attempt }) => attempt)).toEqual(['tiny-fold-0-2', 'tiny-ensemble-1']);

    const again = await run([...runInto('failed'), ...budget, '--set', 'run.retry=1'], folder);
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(again.stdout).toContain('fold 0, attempt 2: started, continues from the last checkpoint');
    expect(again.stdout).not.toContain('fold 1');
    expect(await resultsOf('failed')).toEqual(await resultsOf('straight'));
  });

  it('runs only the ensemble of a complete run again when inference or ensemble changes', { timeout: 60_000 }, async () => {
    const before = await resultsOf('failed');
    // Thresholds that the ensemble chooses for each class replace that of inference.
    const changed = ['--set', 'ensemble.perClassThresholds=false', '--set', 'inference.threshold=0.6'];
    const { code, stdout, stderr } = await run([...runInto('failed'), ...changed], folder);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('ensemble, attempt 2: started');
    expect(stdout).not.toMatch(/prepare: started|fold \d, attempt|fold \d: started/);
    const after = await resultsOf('failed');
    expect(after['submission.csv']).not.toBe(before['submission.csv']);
    expect(after['folds/0/checkpoint/best.safetensors']).toBe(before['folds/0/checkpoint/best.safetensors']);
  });
});
