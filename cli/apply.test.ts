import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { experimentSchema } from '@carpal/configs/schema/experiment.ts';
import { fitToMachine } from '@carpal/operator/local/local-parallelism.ts';
import { hostProcess } from '@carpal/testbed/cluster/host-process.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { hasCondition, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const CARPAL = join(PROJECT, 'carpal');
const run = promisify(execFile);

let folder = '';
// The manifest names its data set by a relative path, so stages run in the same folder as `carpal run`.
const world = useOperatorWorld({
  gpus: 1,
  run: (client) => (pod, control) => hostProcess({ client, workingFolder: folder })(pod, control),
});

/** The quickstart's manifest with less work: smaller images, two folds, two epochs. */
async function smallQuickstart(): Promise<string> {
  const manifest = parse(await readFile(join(PROJECT, 'configs/experiments/quickstart.yaml'), 'utf8'));
  manifest.spec.dataset.split.folds = 2;
  manifest.spec.input.size = 64;
  manifest.spec.model.options = { width: 4, depth: 4 };
  manifest.spec.training = { ...manifest.spec.training, epochs: 2, validateEvery: 1 };
  manifest.spec.scheduler.options.warmupEpochs = 1;
  // The number of threads decides the last bits. On a cluster it is the manifest's; `carpal run` has its share of this machine.
  const { cpu, ensemble } = fitToMachine(experimentSchema.parse(manifest), availableParallelism()).spec.placement;
  manifest.spec.placement = { cpu, ensemble: { cpu: ensemble?.cpu } };
  const file = join(folder, 'quickstart.yaml');
  await writeFile(file, stringify(manifest));
  return file;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-apply-'));
  const people = ['--people', '4', '--test-people', '1', '--size', '256', '--seed', '7'];
  await run(CARPAL, ['data', 'synth', '--out', 'data/phantoms', ...people], { cwd: folder });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('kubectl apply of a manifest that carpal run accepts', () => {
  it('trains its folds, ends Complete, and produces the same submission, byte for byte', async () => {
    const file = await smallQuickstart();
    await run(CARPAL, ['run', file, '--out', 'out'], { cwd: folder });
    const alone = await readFile(join(folder, 'out/submission.csv'), 'utf8');
    expect(alone.split('\n').length).toBeGreaterThan(29);

    const { kubeconfig, namespace, store, until } = world();
    await world().startOperator();
    const applied = await kubectl(kubeconfig, ['apply', '-n', namespace, '-f', file]);
    expect(applied).toMatchObject({ code: 0, errors: '' });
    const { status } = await until('quickstart', (one) => hasCondition(one, 'Complete') || hasCondition(one, 'Failed'));
    expect(status?.conditions.find(({ type }) => type === 'Failed')).toMatchObject({ status: 'False' });
    const key = status?.submission?.slice(`${store.uri}/`.length) ?? '';
    expect((await store.read(key)).toString()).toBe(alone);
    expect(status?.folds.map(({ epoch, bestDice }) => [epoch, typeof bestDice])).toEqual([
      [2, 'number'],
      [2, 'number'],
    ]);
    const waited = await kubectl(kubeconfig, ['wait', '-n', namespace, '--for=condition=Complete', 'segx/quickstart', '--timeout=5s']);
    expect(waited).toMatchObject({ code: 0 });
  });
});
