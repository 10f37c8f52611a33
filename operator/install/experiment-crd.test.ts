/** The CRD on a real API server: what it accepts and refuses, and how kubectl shows it. */

import { readdirSync, readFileSync } from 'node:fs';
import { checkCustomResource } from '@carpal/configs/check/check-custom-resource.ts';
import { checkExperiment } from '@carpal/configs/check/check-experiment.ts';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { withSizes } from '@carpal/configs/schema/auto.ts';
import { manifestSpecSchema } from '@carpal/configs/schema/experiment.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { applyCrd } from '@carpal/testbed/cluster/test-objects.ts';
import { useControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { BAD_MANIFESTS, BAD_NAMES } from '@carpal/testbed/operator/bad-manifests.ts';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';

const cluster = useControlPlane();
let conditions: readonly ObjectCondition[] = [];
beforeAll(async () => {
  conditions = await applyCrd(cluster().client);
});

type Served = { readonly metadata: { readonly name: string }; readonly spec: unknown };
const UNET = { dataset: { uri: 's3://bucket/hands' }, model: { name: 'UNet' } };

function manifest(spec: object, name = 'wrist'): object {
  return { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', metadata: { name }, spec };
}

const experiments = (): string => resourcePath(EXPERIMENTS, { namespace: cluster().namespace });

/** The server's result for a manifest in a dry run. */
async function tried(body: object): Promise<Served | ApiError> {
  try {
    return await cluster().client.request<Served>({ method: 'POST', path: experiments(), query: { dryRun: 'All' }, body });
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

const apply = (body: object, ...flags: string[]) =>
  kubectl(cluster().kubeconfig, ['apply', '-n', cluster().namespace, ...flags, '-f', '-'], JSON.stringify(body));
const get = (...args: string[]) => kubectl(cluster().kubeconfig, ['get', 'segx', '-n', cluster().namespace, ...args]);

describe('the CRD', () => {
  it('is structural, and its names are accepted', () => {
    expect(conditions.map(({ type, status }) => `${type} ${status}`).toSorted()).toEqual(['Established True', 'NamesAccepted True']);
  });

  it('is applied by kubectl without a warning', async () => {
    const file = new URL('../../infra/gitops/base/crd.yaml', import.meta.url).pathname;
    const { code, errors } = await kubectl(cluster().kubeconfig, ['apply', '--server-side', '--force-conflicts', '-f', file]);
    expect([code, errors]).toEqual([0, '']);
  });

  it('is readable with kubectl explain', async () => {
    // The server publishes the text for explain a moment after a CRD is applied.
    const output = await vi.waitFor(
      async () => {
        const { code, output: read, errors } = await kubectl(cluster().kubeconfig, ['explain', 'segx.spec.training.precision']);
        expect([code, errors]).toEqual([0, '']);
        return read;
      },
      { timeout: 20_000, interval: 300 },
    );
    const text = output.replaceAll(/\s+/g, ' ');
    expect(text).toContain('ENUM: float32 bfloat16 float16');
    expect(text).toContain('weights, losses and the optimizer are always float32');
  });
});

describe('kubectl apply', () => {
  it.each(BAD_MANIFESTS)('refuses %s', async (_, spec, message) => {
    const { code, errors } = await apply(manifest({ ...UNET, ...spec }), '--validate=strict');
    expect(code).not.toBe(0);
    for (const text of message) expect(errors).toContain(text);
  });

  it.each(BAD_NAMES)('refuses the name %s', async (name) => {
    const { errors } = await apply(manifest(UNET, name));
    expect(errors).toContain('metadata.name: Invalid value: must be at most 40 lower-case letters, digits and "-"');
    expect(errors).toContain('Write a shorter or simpler name.');
  });

  it('accepts a name of 40 characters', async () => {
    expect(await apply(manifest(UNET, 'x'.repeat(40)), '--dry-run=server')).toMatchObject({ code: 0, errors: '' });
  });

  const examples = new URL('../../configs/experiments/', import.meta.url);
  it.each(readdirSync(examples))('accepts configs/experiments/%s as it is', async (file) => {
    expect(await apply(parse(readFileSync(new URL(file, examples), 'utf8')), '--validate=strict')).toMatchObject({ code: 0, errors: '' });
  });

  it('accepts the longest manifest, with every field that the schema has, and a change of it', async () => {
    expect(await apply(manifest(FULL, 'full'), '--validate=strict')).toMatchObject({ code: 0, errors: '' });
    const changed = { ...FULL, placement: { ...FULL.placement, memory: '96Gi' }, run: { ...FULL.run, suspend: true } };
    expect(await apply(manifest(changed, 'full'), '--validate=strict')).toMatchObject({ code: 0, errors: '' });
  });

  it('drops unknown fields if validation of unknown fields is off', async () => {
    const answer = await apply(manifest({ ...UNET, sweep: 3 }, 'pruned'), '--validate=ignore');
    expect(answer.code).toBe(0);
    expect(JSON.parse((await get('pruned', '-o', 'json')).output).spec).toEqual(manifestSpecSchema.parse(UNET));
  });
});

/** Every field that a stage's own placement has, with as many labels and tolerations as are allowed. */
const PLACEMENT = {
  gpus: 1,
  cpu: '7',
  memory: '48Gi',
  ephemeralStorage: '10Gi',
  nodeSelector: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`example.com/${'l'.repeat(50)}-${index}`, 'v'.repeat(63)])),
  tolerations: Array.from({ length: 16 }, (_, index) => ({
    key: `example.com/${'t'.repeat(50)}-${index}`,
    operator: 'Equal',
    value: 'v'.repeat(63),
    effect: 'NoExecute',
    tolerationSeconds: 300,
  })),
  priorityClassName: 'high',
  queueName: 'gpu',
  workloadPriorityClass: 'urgent',
};

const FULL = {
  owner: 'kim',
  task: '1024 px, focal 0.4',
  dataset: { uri: 's3://bucket/hand-bones', classes: 'hand-bones', split: { folds: 5, strategy: 'group', seed: 21 } },
  model: { name: 'UNet', options: {} },
  input: { size: 512, crop: { size: 512, imageSize: 1024, sampling: 'foreground' }, normalize: 'unit', targets: 'area' },
  augmentations: [{ name: 'rotate', degrees: 15, probability: 0.5 }],
  loss: [
    { name: 'Dice', weight: 0.9 },
    { name: 'BCE', weight: 0.1 },
  ],
  optimizer: { name: 'AdamW', learningRate: 1e-3, weightDecay: 1e-4 },
  scheduler: { name: 'ReduceLROnPlateau', options: { factor: 0.5, patience: 5 } },
  training: {
    epochs: 100,
    batchSize: 2,
    accumulate: 1,
    validateEvery: 1,
    earlyStopping: { patience: 10, minDelta: 0 },
    gradientClip: 0,
    seed: 21,
    precision: 'float32',
    deepSupervision: false,
    ema: { decay: 0.999 },
  },
  inference: {
    threshold: 0.5,
    tta: ['identity', 'flipHorizontal', 'rotateLeft', 'scaleUp'],
    ttaDegrees: 10,
    ttaScale: 0.25,
    window: { size: 512, stride: 256, weights: 'gaussian', sheetSize: 1024 },
  },
  ensemble: { method: 'soft', perClassThresholds: true, perClassCleaning: true },
  run: {
    folds: [0, 1, 2, 3, 4],
    parallelism: 5,
    suspend: false,
    retry: 1000,
    onFoldFailure: 'continue',
    maxFailures: 2,
    maxDisruptions: 20,
    startDeadline: '2h',
    capacityDeadline: '7d',
    foldDeadline: '24h',
    stageDeadline: '6h',
    stallTimeout: '30m',
    ttlAfterFinished: '14d',
    ttlRemovesArtifacts: false,
    deletionRemovesArtifacts: false,
  },
  placement: { ...PLACEMENT, serviceAccountName: '', prepare: PLACEMENT, ensemble: PLACEMENT },
  report: { slack: { channel: '#xray' }, kakao: { receivers: [] }, sheets: { spreadsheetId: '' }, mlflow: { experiment: 'hand-bones' } },
};

/** Values near the limits of fields, alone and combined. */
const FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  'dataset.uri': ['data', 'file:///d', 'S3://b/c', 'gs://b', '://', 'a+b://c', ''],
  'dataset.split.folds': [1, 2, 3, 20, 21, 2.5, '5'],
  'dataset.split.seed': [0, 4_294_967_295, 4_294_967_296],
  'model.name': ['UNet', 'SlimUNet', 'NestedUNet', 'FCNResNet50', 'CustomUNet', 'HRNet', 'SegFormer', 'unet'],
  'model.options.variant': ['B0', 'W48', 'published', 'improved', 'W1'],
  'model.options.depth': [2, 5, 7, 8],
  'model.options.width': [1, 16, 257],
  'model.pretrained': [{ uri: 's3://b/w' }, { uri: 's3://b/w', learningRateFactor: 0, layerDecay: 1, frozenEpochs: 5 }, {}],
  'model.pretrained.learningRateFactor': [0.1, 0, 1, 1.5, -0.1],
  'model.pretrained.layerDecay': [0.8, 0, 1, 2],
  'model.pretrained.frozenEpochs': [0, 4, 100, 10_001, 1.5],
  'input.size': [32, 33, 40, 64, 504, 512, 2048, 31, 2049, 'auto', 'large', '512', 64.5],
  'input.crop': [{ size: 512, imageSize: 1024 }, { size: 64, imageSize: 64, sampling: 'wrist' }, { size: 504, imageSize: 503 }, {}],
  'input.crop.imageSize': [31, 32, 1024, 4097],
  'input.crop.sampling': ['uniform', 'hand'],
  augmentations: [
    [],
    [{ name: 'gamma', low: 1.25 }],
    [{ name: 'wristCrop' }],
    [{ name: 'wristCrop', low: 0.9 }],
    [{ name: 'elastic', sigma: 0.01 }],
    [{ name: 'gamma', high: 0.5 }],
    [{ name: 'rotate' }, { name: 'rotate', sigma: 1 }],
    [{ probability: 1 }],
  ],
  loss: [
    [{ name: 'Dice' }],
    [{ name: 'Dice', weight: 2 }, { name: 'BCE' }],
    [{ name: 'BCE' }, { name: 'BCE' }],
    [],
    [{ name: 'Focal', alpha: 0.5 }, { name: 'IoU', reduction: 'global' }, { name: 'Lovasz' }],
    [{ name: 'FocalTversky', beta: 1, gamma: 11 }],
    [{ name: 'Focal', beta: 0.5 }],
  ],
  'optimizer.name': ['AdamW', 'SGD', 'Lion'],
  'optimizer.options.momentum': [0, 0.9, 1],
  'optimizer.options.beta1': [0, 0.95],
  'optimizer.learningRate': [1e-7, 0, 10, 1],
  'scheduler.name': ['ReduceLROnPlateau', 'MultiStepLR', 'CosineAnnealingLR', 'CustomCosineAnnealingWarmUpRestarts'],
  'scheduler.options.cycleEpochs': [1, 5, 100, 0],
  'scheduler.options.cycleWarmupEpochs': [0, 1, 5],
  'scheduler.options.milestones': [[1, 2], [2, 1], [3, 3], [99, 100], []],
  'scheduler.options.warmupEpochs': [0, 4, 5, 100],
  'scheduler.options.minLearningRate': [0, 1e-6, 1e-3, 1],
  'scheduler.options.tMax': [1, 100],
  'training.batchSize': [1, 256, 257, 0, 'auto', 'Auto', '', '2', 1.5],
  'training.epochs': [1, 5, 100],
  'training.validateEvery': [1, 5, 6],
  'training.precision': ['float32', 'bfloat16'],
  'training.deepSupervision': [true, false],
  'training.headWeights': [[1, 1, 1, 1], [2], [0, 1, 1, 1], []],
  'training.ema.decay': [0, 0.999, 1],
  'inference.tta': [['identity'], ['flipVertical', 'flipVertical'], []],
  'inference.threshold': [0, 0.5, 1],
  'run.folds': [[], [0], [2, 0], [1, 1], [19]],
  'run.startDeadline': ['0s', '1ms', '365d', '364d24h1ms', '1h30m', 'h', '1 h', '0m0s'],
  'run.capacityDeadline': ['0s', '5m', '366d', 'never'],
  'run.stageDeadline': ['0h', '6h', '8760h1ms', 5],
  'run.stallTimeout': ['0m', '30m', '365d1s', ''],
  'run.ttlAfterFinished': ['0s', '366d', '999999d'],
  'run.retry': [0, 1, 1000, 1001, -1, 1.5, '1'],
  'run.onFoldFailure': ['continue', 'stop', 'ignore'],
  'run.deletionRemovesArtifacts': [true, 'yes'],
  'placement.cpu': ['0', '0.0', '1', '500m', '0.000001m', '7cores', '1.'],
  'placement.memory': ['256Mi', '255Mi', '268435456', '268435455', '0.25Gi', '268435456000m', '1T', '-1Gi'],
  'placement.nodeSelector': [{ 'a.b/c': 'x' }, { 'a/b/c': 'x' }, { a: '-' }, { a: '' }, { '': 'x' }],
  'placement.tolerations': [
    [{ operator: 'Exists' }],
    [{ key: 'a', value: 'b' }],
    [{ key: 'a', tolerationSeconds: 1 }],
    [{ operator: 'Exists', value: '' }],
    [{ value: 'b' }],
  ],
  'placement.queueName': ['', 'a', 'A', 'a-'],
  'placement.ephemeralStorage': ['256Mi', '255Mi', '10G', '10 GB'],
  'placement.workloadPriorityClass': ['', 'urgent', 'Urgent', 'u'.repeat(64)],
  'placement.prepare': [{}, { gpus: 0, queueName: '' }, { gpus: 17 }],
  'placement.prepare.cpu': ['0', '500m', ''],
  'placement.prepare.memory': ['255Mi', '4Gi'],
  'placement.ensemble.ephemeralStorage': ['1', '100Gi'],
  'placement.ensemble.nodeSelector': [{}, { a: 'x' }, { 'a/b/c': 'x' }, { a: '-' }],
  'placement.ensemble.tolerations': [[], [{ operator: 'Exists' }], [{ value: 'b' }], [{ key: 'a', tolerationSeconds: 1 }]],
  'report.mlflow': [{ experiment: 'a' }, {}],
};

function withField(spec: object, path: string, value: unknown): object {
  const [first = '', ...rest] = path.split('.');
  const inner = (spec as Record<string, object>)[first] ?? {};
  return { ...spec, [first]: rest.length === 0 ? value : withField(inner, rest.join('.'), value) };
}

const someFields = fc
  .uniqueArray(fc.constantFrom(...Object.keys(FIELDS)), { maxLength: 5 })
  .chain((paths) => fc.tuple(...paths.map((path) => fc.tuple(fc.constant(path), fc.constantFrom(...(FIELDS[path] ?? []))))));

describe('the API server and the schema', () => {
  it('accept and refuse the same manifests, and fill in the same defaults', async () => {
    await fc.assert(
      fc.asyncProperty(someFields, async (fields) => {
        const spec = fields.reduce((whole, [path, value]) => withField(whole, path, value), UNET as object);
        const answer = await tried(manifest(spec));
        const checked = checkExperiment(manifest(spec), ['hand-bones']);
        if (answer instanceof ApiError) {
          expect(answer.status, answer.message).toBe(422);
          expect(checked.ok, answer.message).toBe(false);
          expect(answer.message).not.toContain('evaluating rule');
          return;
        }
        expect(checked).toMatchObject({ ok: true });
        expect(answer.spec).toEqual(manifestSpecSchema.parse(spec));
        const resource = checkCustomResource(answer, ['hand-bones']);
        // A size that is `auto` is accepted by the server and refused by the operator.
        if (checked.ok && withSizes(checked.experiment, {}) === undefined) expect(resource).toHaveProperty('findings');
        else expect(resource).toMatchObject({ unknown: [], experiment: { spec: checked.ok && checked.experiment.spec } });
      }),
      { numRuns: 150 },
    );
  });
});
