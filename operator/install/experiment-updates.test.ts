/** Updates of an experiment on a real API server: what decides the weights is immutable, and only a change of the spec takes back an end. */

import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { isMutable } from '@carpal/configs/rules/immutability.ts';
import { specSchema } from '@carpal/configs/schema/experiment.ts';
import { MODEL_NAMES } from '@carpal/configs/schema/learning.ts';
import { MODEL_OPTIONS } from '@carpal/configs/schema/options.ts';
import { fieldsOf, schemaAt, structuralSchema } from '@carpal/configs/schema/structural-schema.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { applyCrd } from '@carpal/testbed/cluster/test-objects.ts';
import { useControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { at, attempt, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';

const cluster = useControlPlane();
const UNET = { dataset: { uri: 's3://bucket/hands' }, model: { name: 'UNet' } };

const nameOf = (model: string): string => `of-${model.toLowerCase()}`;

/** Experiments that are changed below, by name. */
const EXISTING: Readonly<Record<string, object>> = {
  unet: UNET,
  slim: { ...UNET, model: { name: 'SlimUNet' }, augmentations: [{ name: 'rotate' }, { name: 'gamma', low: 0.5 }], run: { folds: [3, 1] } },
  ...Object.fromEntries(MODEL_NAMES.map((name) => [nameOf(name), { ...UNET, model: { name } }])),
  pretrained: { ...UNET, model: { name: 'FCNResNet50', pretrained: { uri: 's3://bucket/a' } } },
  steps: { ...UNET, scheduler: { name: 'MultiStepLR', options: { milestones: [10, 20] } } },
  restarts: { ...UNET, scheduler: { name: 'CustomCosineAnnealingWarmUpRestarts', options: { cycleEpochs: 10 } } },
  polynomial: { ...UNET, scheduler: { name: 'PolynomialLR' } },
  crops: { ...UNET, input: { crop: { size: 256, imageSize: 1024 } } },
  sgd: { ...UNET, optimizer: { name: 'SGD' }, loss: [{ name: 'Focal' }, { name: 'FocalTversky', reduction: 'global' }] },
  rms: { ...UNET, optimizer: { name: 'RMSprop' } },
  heads: { ...UNET, model: { name: 'NestedUNet' }, training: { deepSupervision: true, headWeights: [1, 1, 1, 1] } },
  cosine: { ...UNET, scheduler: { name: 'CosineAnnealingLR', options: { warmupEpochs: 4 } } },
};

const manifest = (name: string, spec: object): object => ({
  apiVersion: 'carpal.dev/v1alpha1',
  kind: 'SegmentationExperiment',
  metadata: { name },
  spec,
});

beforeAll(async () => {
  const { client, namespace } = cluster();
  await applyCrd(client);
  for (const [name, spec] of Object.entries(EXISTING)) {
    await client.request({ method: 'POST', path: resourcePath(EXPERIMENTS, { namespace }), body: manifest(name, spec) });
  }
});

/** A merge patch that sets the field at a dotted path. */
function setting(path: string, value: unknown): object {
  return path.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as object;
}

async function patched(name: string, spec: object): Promise<{ readonly spec: unknown }> {
  const path = resourcePath(EXPERIMENTS, { namespace: cluster().namespace, name });
  return await cluster().client.request({ method: 'PATCH', patch: 'merge', path, query: { dryRun: 'All' }, body: { spec } });
}

/** A change of every option of every network. */
function optionChanges(): (readonly [name: string, path: string, value: unknown, message?: string])[] {
  const schemas = schemaAt(structuralSchema(specSchema), 'model.options')?.properties ?? {};
  return Object.entries(schemas).flatMap(([option, schema]) => {
    const owner = Object.entries(MODEL_OPTIONS).find(([, options]) => Object.hasOwn(options, option));
    if (owner === undefined) return [];
    const before: unknown = Reflect.get(owner[1], option);
    const other = schema.enum?.find((value) => value !== before);
    const after = other ?? (typeof before === 'boolean' ? !before : Number(before) + 1);
    return [[nameOf(owner[0]), `model.options.${option}`, after, typeof before === 'number' ? `was ${before}, is ${String(after)}` : '']];
  });
}

/** A change of every immutable field, and the old and new value in the server's message. Fields with one possible value are omitted. */
const REFUSED: readonly (readonly [name: string, path: string, value: unknown, message?: string])[] = [
  ['unet', 'owner', 'kim', 'was "", is "kim"'],
  ['unet', 'task', 'other', 'was "", is "other"'],
  ['unet', 'dataset.uri', 's3://bucket/feet', 'was "s3://bucket/hands", is "s3://bucket/feet"'],
  ['unet', 'dataset.classes', 'other', 'was "hand-bones", is "other"'],
  ['unet', 'dataset.split.folds', 6, 'was 5, is 6'],
  ['unet', 'dataset.split.strategy', 'stratifiedGroup', 'was "group", is "stratifiedGroup"'],
  ['unet', 'dataset.split.seed', 22],
  ['unet', 'model.name', 'SlimUNet', 'was "UNet", is "SlimUNet"'],
  ['slim', 'model.options.depth', 4, 'was 5, is 4'],
  [nameOf('CustomUNet'), 'model.options.variant', 'improved', 'was "published", is "improved"'],
  ...optionChanges(),
  ['pretrained', 'model.pretrained', null],
  ['pretrained', 'model.pretrained', { uri: 's3://bucket/b' }],
  ...[{ learningRateFactor: 0.1 }, { layerDecay: 0.9 }, { frozenEpochs: 2 }].map((change): [string, string, object] => [
    'pretrained',
    'model.pretrained',
    change,
  ]),
  ['unet', 'input.size', 528, 'was 512, is 528'],
  ['unet', 'input.size', 'auto', 'was 512, is auto'],
  ['unet', 'input.crop', { size: 512, imageSize: 1024 }],
  ['crops', 'input.crop', null],
  ...[{ size: 512 }, { imageSize: 512 }, { sampling: 'wrist' }].map((change): [string, string, object] => ['crops', 'input.crop', change]),
  ['unet', 'training.batchSize', 'auto', 'was 2, is auto'],
  ['unet', 'augmentations', []],
  [
    'slim',
    'augmentations',
    [
      { name: 'rotate', degrees: 16 },
      { name: 'gamma', low: 0.5 },
    ],
  ],
  ['slim', 'augmentations', [{ name: 'gamma', low: 0.5 }, { name: 'rotate' }]],
  ['slim', 'augmentations', [{ name: 'rotate' }, { name: 'gamma' }]],
  [
    'slim',
    'augmentations',
    [
      { name: 'rotate', probability: 0.4 },
      { name: 'gamma', low: 0.5 },
    ],
  ],
  ['unet', 'loss', [{ name: 'Dice', weight: 0.9 }]],
  ['sgd', 'loss', [{ name: 'Focal' }, { name: 'FocalTversky' }]],
  [
    'sgd',
    'loss',
    [
      { name: 'Focal', gamma: 1 },
      { name: 'FocalTversky', reduction: 'global' },
    ],
  ],
  ['unet', 'optimizer.name', 'Adam', 'was "AdamW", is "Adam"'],
  ['unet', 'input.targets', 'nearest', 'was "area", is "nearest"'],
  ['unet', 'input.normalize', 'percentile', 'was "unit", is "percentile"'],
  ['unet', 'optimizer.options.beta1', 0.8],
  ['unet', 'optimizer.options.beta2', 0.9],
  ['sgd', 'optimizer.options.momentum', 0],
  ['sgd', 'optimizer.options.nesterov', false, 'was true, is false'],
  ['rms', 'optimizer.options.smoothing', 0.9],
  ['unet', 'optimizer.learningRate', 0.01],
  ['unet', 'optimizer.weightDecay', 0],
  ['unet', 'scheduler.name', 'CosineAnnealingLR', 'was "ReduceLROnPlateau", is "CosineAnnealingLR"'],
  ['unet', 'scheduler.options.warmupEpochs', 1, 'was 0, is 1'],
  ['unet', 'scheduler.options.factor', 0.1],
  ['unet', 'scheduler.options.patience', 6, 'was 5, is 6'],
  ['unet', 'scheduler.options.threshold', 0.1],
  ['unet', 'scheduler.options.cooldown', 3, 'was 2, is 3'],
  ['unet', 'scheduler.options.minLearningRate', 0],
  ['steps', 'scheduler.options.milestones', [10, 30]],
  ['steps', 'scheduler.options.gamma', 0.5],
  ['cosine', 'scheduler.options.tMax', 100, 'was 96, is 100'],
  ['polynomial', 'scheduler.options.tMax', 99, 'was 100, is 99'],
  ['polynomial', 'scheduler.options.power', 1],
  ['restarts', 'scheduler.options.cycleEpochs', 20, 'was 10, is 20'],
  ['restarts', 'scheduler.options.cycleMultiplier', 2, 'was 1, is 2'],
  ['restarts', 'scheduler.options.cycleWarmupEpochs', 2, 'was 0, is 2'],
  ['unet', 'training.epochs', 9, 'was 100, is 9'],
  ['unet', 'training.batchSize', 4, 'was 2, is 4'],
  ['unet', 'training.accumulate', 2, 'was 1, is 2'],
  ['unet', 'training.validateEvery', 2, 'was 1, is 2'],
  ['unet', 'training.earlyStopping.patience', 0, 'was 10, is 0'],
  ['unet', 'training.earlyStopping.minDelta', 0.1],
  ['unet', 'training.gradientClip', 1],
  ['unet', 'training.seed', 22],
  ['unet', 'training.precision', 'bfloat16', 'was "float32", is "bfloat16"'],
  ['unet', 'training.deepSupervision', true, 'was false, is true'],
  ['heads', 'training.headWeights', [2, 1, 1, 1]],
  ['heads', 'training.headWeights', null],
  ['unet', 'training.ema.decay', 0.999],
  ['unet', 'run.folds', [0, 1]],
  ['slim', 'run.folds', []],
  ['slim', 'run.folds', [1, 3]],
];

/** A change of every mutable field. Fields with one possible value are omitted. */
const CHANGED: readonly (readonly [path: string, value: unknown])[] = [
  ['inference.threshold', 0.4],
  ['inference.tta', ['identity']],
  ['inference.ttaDegrees', 15],
  ['inference.ttaScale', 0.5],
  ['inference.window', { size: 256, stride: 128, weights: 'uniform', sheetSize: 512 }],
  ['ensemble.method', 'hard'],
  ['ensemble.perClassThresholds', false],
  ['ensemble.perClassCleaning', false],
  ['run.parallelism', 1],
  ['run.suspend', true],
  ['run.retry', 1],
  ['run.onFoldFailure', 'stop'],
  ['run.maxFailures', 3],
  ['run.maxDisruptions', 0],
  ['run.startDeadline', '3h'],
  ['run.capacityDeadline', '1d'],
  ['run.foldDeadline', '25h'],
  ['run.stageDeadline', '7h'],
  ['run.stallTimeout', '1h'],
  ['run.ttlAfterFinished', '30d'],
  ['run.ttlRemovesArtifacts', true],
  ['run.deletionRemovesArtifacts', true],
  ['placement.gpus', 0],
  ['placement.cpu', '8'],
  ['placement.memory', '49Gi'],
  ['placement.ephemeralStorage', '20Gi'],
  ['placement.nodeSelector', { gpu: 'v100' }],
  ['placement.tolerations', [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: 1 }]],
  ['placement.priorityClassName', 'high'],
  ['placement.queueName', 'gpu'],
  ['placement.workloadPriorityClass', 'urgent'],
  ['placement.serviceAccountName', 'kim'],
  ...['placement.prepare', 'placement.ensemble'].map((path): [string, object] => [
    path,
    {
      gpus: 1,
      cpu: '2',
      memory: '4Gi',
      ephemeralStorage: '1Gi',
      nodeSelector: { pool: 'cpu' },
      tolerations: [{ operator: 'Exists' }],
      priorityClassName: 'low',
      queueName: 'cpu',
      workloadPriorityClass: 'low',
    },
  ]),
  ['report', { slack: { channel: '#x' }, kakao: { receivers: ['kim'] }, sheets: { spreadsheetId: 'id' }, mlflow: { experiment: 'y' } }],
];

const ALLOWED: readonly (readonly [what: string, name: string, spec: object])[] = [
  [
    'changed by writing defaults explicitly',
    'unet',
    { training: { epochs: 100 }, input: { size: 512 }, scheduler: { options: { patience: 5, factor: 0.5 } } },
  ],
  ['changed by writing the size of crops as the input size', 'crops', { input: { size: 256, crop: { sampling: 'foreground' } } }],
  ['changed by writing all folds explicitly', 'unet', { run: { folds: [0, 1, 2, 3, 4] } }],
  ['changed by writing the options of a network explicitly', 'slim', { model: { options: { width: 16, depth: 5 } } }],
  [
    'changed by writing the options of augmentations explicitly',
    'slim',
    {
      augmentations: [
        { name: 'rotate', degrees: 15 },
        { name: 'gamma', low: 0.5, high: 1.25 },
      ],
    },
  ],
  [
    'changed by writing the options of losses and optimizer explicitly',
    'sgd',
    {
      loss: [
        { name: 'Focal', alpha: 0.25, gamma: 2 },
        { name: 'FocalTversky', alpha: 0.3, beta: 0.7, gamma: 1.5, reduction: 'global' },
      ],
      optimizer: { options: { momentum: 0.9, nesterov: true } },
      training: { ema: { decay: 0 } },
    },
  ],
  [
    'changed by writing the end of the learning rate decay explicitly',
    'cosine',
    { scheduler: { options: { tMax: 96, minLearningRate: 0 } } },
  ],
];

describe('an experiment', () => {
  it.each(REFUSED)('%s cannot change %s to %j', async (name, path, value, message) => {
    const refusal = patched(String(name), setting(String(path), value));
    await expect(refusal).rejects.toThrow(`spec.${path}: Forbidden: cannot change once the experiment exists`);
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toThrow('Undo the change, or create a new experiment under another name.');
  });

  it.each(ALLOWED)('can be %s', async (_, name, spec) => {
    await expect(patched(name, spec)).resolves.toBeDefined();
  });

  it.each(CHANGED)('can change %s to %j at any time', async (path, value) => {
    const { spec } = await patched('unet', setting(path, value));
    expect(spec).toMatchObject(setting(path, value));
  });

  it('can be given a higher run.retry, but not the same or a lower one again', async () => {
    const { client, namespace } = cluster();
    const body = manifest('retried', { ...UNET, run: { retry: 2 } });
    await client.request({ method: 'POST', path: resourcePath(EXPERIMENTS, { namespace }), body });
    for (const retry of [2, 3, 1000]) await expect(patched('retried', { run: { retry } }), String(retry)).resolves.toBeDefined();
    for (const [retry, value] of [
      [1, 1],
      [null, 0],
    ])
      await expect(patched('retried', { run: { retry } })).rejects.toThrow(
        `spec.run.retry: Invalid value: may only grow: was 2, is ${value}. Write a number greater than 2 to reopen a failed experiment.`,
      );
    await expect(patched('retried', { run: { retry: 1001 } })).rejects.toThrow('should be less than or equal to 1000');
  });

  it('is tested with a change of every field of the schema', () => {
    const isTried = (path: string, tried: readonly string[]): boolean =>
      tried.some((start) => path === start || path.startsWith(`${start}.`) || path.startsWith(`${start}[`));
    const leaves = fieldsOf(structuralSchema(specSchema)).filter(
      ([, { properties, enum: values }]) => properties === undefined && values?.length !== 1,
    );
    const tried = {
      mutable: CHANGED.map(([path]) => path),
      immutable: REFUSED.map(([, path]) => path),
    };
    const missing = leaves.filter(([path]) => !isTried(path, isMutable(path.split('.')) ? tried.mutable : tried.immutable));
    expect(missing.map(([path]) => path)).toEqual([]);
  });

  it('is refused by kubectl apply with a message that names the field', async () => {
    const { kubeconfig, namespace } = cluster();
    const body = JSON.stringify(manifest('unet', { ...UNET, training: { epochs: 9 } }));
    const { errors } = await kubectl(kubeconfig, ['apply', '-n', namespace, '-f', '-'], body);
    expect(errors).toContain('The SegmentationExperiment "unet" is invalid: spec.training.epochs: Forbidden: cannot change');
  });
});

describe('status', () => {
  const reports = [0, 1, 2].map((index) => report(index, { epoch: 5, epochs: 10, etaSeconds: 300, bestDice: 0.9612 }));
  const runs = [
    prepared(),
    attempt(fold(0), 1, { state: 'succeeded', finishedAt: at(90).toISOString() }),
    attempt(fold(1), 1, { node: 'gpu-1' }),
  ];
  const status = plan(experimentWith(), { ...seen(runs, undefined, reports), artifacts: 's3://artifacts' }, at(100)).status;
  const create = async (name: string, spec: object): Promise<unknown> => {
    const experiments = resourcePath(EXPERIMENTS, { namespace: cluster().namespace });
    return await cluster().client.request({ method: 'POST', path: experiments, body: manifest(name, spec) });
  };
  const get = (...args: string[]) => kubectl(cluster().kubeconfig, ['get', 'segx', '-n', cluster().namespace, ...args]);
  const path = (name: string): string => resourcePath(EXPERIMENTS, { namespace: cluster().namespace, name, subresource: 'status' });
  const write = async (name: string, value: object | null): Promise<unknown> => {
    const body = { status: value };
    return await cluster().client.request({
      method: 'PATCH',
      patch: 'merge',
      path: path(name),
      query: { fieldValidation: 'Strict' },
      body,
    });
  };

  it('is stored completely as the planner writes it', async () => {
    await create('kept', { ...UNET, owner: 'kim' });
    await write('kept', status);
    expect(JSON.parse((await get('kept', '-o', 'json')).output).status).toEqual(JSON.parse(JSON.stringify(status)));
  });

  it('is shown by kubectl get', async () => {
    const columns = (text: string): string[] =>
      text
        .trim()
        .split('\n')
        .map((line) =>
          line
            .trim()
            .replace(/\s+\S+$/, '')
            .replaceAll(/\s+/g, ' '),
        );
    const narrow = await get('kept');
    expect(columns(narrow.output)).toEqual(['NAME STATE MODEL PROGRESS DICE FOLDS', 'kept Training UNet 65% 0.9612 1/3']);
    const wide = (await get('kept', '-o', 'wide')).output.split('\n');
    expect(wide[0]).toMatch(/AGE +OWNER +ETA +REASON/);
    expect(wide[1]).toMatch(/ kim +2000-01-01T00:\d\d:00Z +FoldsRunning/);
  });

  it('can be used in field selectors', async () => {
    expect((await get('-o', 'name', '--field-selector', 'status.state=Training,spec.owner=kim')).output).toContain('/kept\n');
    expect((await get('-o', 'name', '--field-selector', 'status.state=Failed')).output).toBe('');
  });

  const ended = (type: string, value = 'True') => [{ ...status.conditions[0], type, status: value }];

  it('keeps Complete or Failed while the spec stays the same, and never has both', async () => {
    await create('ended', UNET);
    await write('ended', { ...status, conditions: ended('Complete') });
    const message = 'Complete cannot be removed while the spec stays the same. Raise spec.run.retry to reopen the experiment';
    await expect(write('ended', { conditions: ended('Complete', 'False') })).rejects.toThrow(message);
    await expect(write('ended', { conditions: [] })).rejects.toThrow(message);
    await expect(write('ended', { conditions: ended('Failed') })).rejects.toThrow(message);
    await expect(write('ended', { conditions: [...ended('Complete'), ...ended('Failed')] })).rejects.toThrow(
      'either Complete or Failed, not both',
    );
    await expect(write('ended', { progress: '100%' })).resolves.toBeDefined();
  });

  it.each(['Complete', 'Failed'])('loses %s only together with a greater observedGeneration', async (type) => {
    const name = `reopened-${type.toLowerCase()}`;
    await create(name, UNET);
    await write(name, { ...status, observedGeneration: 3, conditions: ended(type) });
    const message = `${type} cannot be removed while the spec stays the same`;
    for (const observedGeneration of [3, 2, null])
      await expect(write(name, { observedGeneration, conditions: ended(type, 'False') }), String(observedGeneration)).rejects.toThrow(
        message,
      );
    await expect(write(name, { observedGeneration: 4, conditions: ended(type, 'False') })).resolves.toBeDefined();
    await expect(write(name, { conditions: ended(type) })).resolves.toBeDefined();
    await expect(write(name, { conditions: ended(type, 'False') })).rejects.toThrow(message);
  });

  it('of an ended experiment cannot be removed, fully or in part, while its spec may change', async () => {
    await create('gone', UNET);
    await write('gone', { ...status, conditions: ended('Failed') });
    for (const taken of [null, { conditions: null }, { conditions: [] }])
      await expect(write('gone', taken), JSON.stringify(taken)).rejects.toThrow(/Failed cannot be removed/);
    const run = { run: { ttlAfterFinished: '1d' }, placement: { memory: '96Gi' } };
    const path = resourcePath(EXPERIMENTS, { namespace: cluster().namespace, name: 'gone' });
    await cluster().client.request({ method: 'PATCH', path, body: { spec: run } });
    await cluster().client.request({ method: 'PATCH', path, body: { metadata: { labels: { team: 'hands' } } } });
    expect(JSON.parse((await get('gone', '-o', 'json')).output).status.conditions[0]).toMatchObject({ type: 'Failed', status: 'True' });
  });

  it('of an active experiment may be lost: the next step writes it again', async () => {
    await create('lost', UNET);
    await write('lost', status);
    await write('lost', null);
    expect(JSON.parse((await get('lost', '-o', 'json')).output)).not.toHaveProperty('status');
  });
});
