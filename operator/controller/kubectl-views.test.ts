/** What people see with kubectl for experiments in several states, on a real API server. */
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { hasCondition, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { beforeAll, describe, expect, it } from 'vitest';

const world = useOperatorWorld({ gpus: 4 });
const held = Promise.withResolvers<void>();

/** The lines that kubectl prints, with single spaces between words. */
async function lines(...args: string[]): Promise<readonly string[]> {
  const { output, errors } = await kubectl(world().kubeconfig, [...args, '-n', world().namespace]);
  return `${output}${errors}`.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim());
}

/** A fold's report, as the stage writes it. */
async function report(name: string, uid: string | undefined, fold: number): Promise<void> {
  const { store, namespace } = world();
  const text = {
    stage: 'fold',
    fold,
    state: 'running',
    epoch: 30,
    epochs: 100,
    loss: 0.213456789,
    dice: 0.912345678,
    bestDice: 0.93123456,
    etaSeconds: 7431.2,
    gpu: '2 × NVIDIA L4',
    warnings: ['resumed with 4 threads instead of 2'],
    updatedAt: new Date().toISOString(),
  };
  await store.write(
    `${foldKey({ metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) } }, fold)}/${FILE.progress}`,
    JSON.stringify(text),
  );
}

beforeAll(async () => {
  world().script = ({ experiment, stage, fold, attempt }) => {
    if (experiment === 'bad-data') return { exitCode: 65, message: 'annotation-invalid: fewer than three points (x.json)' };
    if (stage !== 'fold') return {};
    if (fold === 1 && attempt === 1) return { exitCode: 1, message: 'TypeError: x is not a function\n    at run' };
    if (fold === 2 && attempt === 1) return { exitCode: 137, reason: 'OOMKilled' };
    return { until: held.promise };
  };
  await world().startOperator();
  await world().post('paused', { owner: 'ann', run: { suspend: true } });
  await world().post('bad-data', { owner: 'lee' });
  await world().post('wrist-unet', { owner: 'kim' });
  const { metadata } = await world().until(
    'wrist-unet',
    ({ status }) => status?.folds.filter(({ state }) => state === 'Running').length === 3 && status.folds[1]?.attempts === 2,
  );
  for (const fold of [0, 1, 2]) await report('wrist-unet', metadata.uid, fold);
  await world().until('wrist-unet', ({ status }) => status?.bestDice !== undefined && status.progress !== '3%');
  await world().until('bad-data', (one) => hasCondition(one, 'Failed'));
  await world().until('paused', (one) => hasCondition(one, 'Suspended'));
});

describe('kubectl', () => {
  it('get segx shows the state of each experiment in one line', async () => {
    const [head, ...rows] = await lines('get', 'segx');
    expect(head).toBe('NAME STATE MODEL PROGRESS DICE FOLDS AGE');
    expect(rows.map((row) => row.replace(/ \d+s$/, '')).filter(Boolean)).toEqual([
      'bad-data Failed UNet 0% 0/3',
      'paused Suspended UNet 0% 0/3',
      'wrist-unet Training UNet 31% 0.9312 0/3',
    ]);
  });

  it('get segx -o wide adds the owner, the expected completion time and the reason', async () => {
    const [head, ...rows] = await lines('get', 'segx', '-o', 'wide');
    expect(head).toBe('NAME STATE MODEL PROGRESS DICE FOLDS AGE OWNER ETA REASON');
    expect(rows[0]).toMatch(/^bad-data .* lee InvalidData$/);
    expect(rows[1]).toMatch(/^paused .* ann SuspendedByUser$/);
    expect(rows[2]).toMatch(/ kim \d{4}-\d\d-\d\dT\d\d:\d\d:00Z FoldsRunning$/);
  });

  it('get finds experiments by state, and all objects of carpal by category', async () => {
    expect((await lines('get', 'segx', '--field-selector', 'status.state=Failed', '-o', 'name')).filter(Boolean)).toEqual([
      'segmentationexperiment.carpal.dev/bad-data',
    ]);
    expect((await lines('get', 'carpal', '-o', 'name')).filter(Boolean).length).toBe(3);
  });

  it('describe shows the past events, one per line', async () => {
    const printed = await lines('describe', 'segx', 'wrist-unet');
    expect(printed).toEqual(
      expect.arrayContaining([
        'Message: 0 of 3 folds finished',
        'Dice: 0.9123',
        'Gpu: 2 × NVIDIA L4',
        'Loss: 0.2135',
        'Node: gpu-0',
        'Warnings:',
        'resumed with 4 threads instead of 2',
      ]),
    );
    const events = printed.slice(printed.indexOf('Events:') + 3).map((line) => line.replace(/^(\w+ \w+) .*carpal\.dev\/operator /, '$1: '));
    expect(events).toEqual(
      expect.arrayContaining([
        'Normal StageStarted: prepare, attempt 1',
        'Normal StageStarted: prepare finished; folds 0–2, attempt 1',
        'Warning StageWarned: folds 0–2: resumed with 4 threads instead of 2',
        'Warning OutOfMemory: fold 2, attempt 1: exit 137, out of memory; the limit is 48Gi (placement.memory)',
        expect.stringMatching(/^Warning StageFailed: fold 1, attempt 1: exit 1: TypeError: x is not a function \| at run \(log: /),
      ]),
    );
  });

  it('describe shows once why an experiment failed', async () => {
    const printed = await lines('describe', 'segx', 'bad-data');
    const conditions = printed
      .slice(printed.indexOf('Conditions:'), printed.lastIndexOf('Ensemble:'))
      .filter((line) => line.includes('exit 65'));
    expect(conditions).toHaveLength(1);
    expect(conditions[0]).toMatch(
      /^Message: prepare ended with exit 65: annotation-invalid: fewer than three points \(x\.json\) \(log: .*prepare-1\.txt\) → fix the data or the configuration; then raise run\.retry to 1, and it continues$/,
    );
  });

  it('explain describes every field of training', async () => {
    const printed = (await lines('explain', 'segx.spec.training')).join(' ');
    for (const text of ['Largest number of passes over the training images of a fold', 'enum: float32, bfloat16, float16'])
      expect(printed).toContain(text);
    expect(printed).not.toContain('<no description>');
  });

  it('wait waits for the end; the submission is then where the status says', async () => {
    const waiting = lines('wait', '--for=condition=Complete', 'segx/wrist-unet', '--timeout=30s');
    held.resolve();
    expect(await waiting).toContain('segmentationexperiment.carpal.dev/wrist-unet condition met');
    const { metadata, status } = await world().read('wrist-unet');
    const place = `${world().store.uri}/experiments/${world().namespace}/wrist-unet/${metadata.uid}`;
    expect(status).toMatchObject({ artifacts: place, submission: `${place}/ensemble/submission.csv`, progress: '100%' });
  });
});
