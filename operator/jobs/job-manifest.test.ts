import { checkExperiment } from '@carpal/configs/check/check-experiment.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { withSizes } from '@carpal/configs/schema/auto.ts';
import { experimentSchema, NAME_MAX_LENGTH, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlannedStart } from '../experiment/next-starts.ts';
import { attemptName } from '../experiment/stage.ts';
import { configMapManifest, configMapName } from './config-map.ts';
import { jobManifest } from './job-manifest.ts';
import { labelledAttempt } from './ownership.ts';
import { stageSettings } from './stage-settings.ts';

const IMAGE = 'example.org/carpal@sha256:4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865';
const settings = stageSettings({ image: IMAGE, artifactsUri: 's3://artifacts/carpal' });
const start = (key: StageKey, attempt = 1, name = 'wrist'): PlannedStart => ({ ...key, attempt, name: attemptName(name, key, attempt) });
const FOLD = start({ stage: 'fold', fold: 3 }, 2);
const PREPARE = start({ stage: 'prepare' });
const ENSEMBLE = start({ stage: 'ensemble' });

function experiment(placement: object = {}): SegmentationExperiment {
  return experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'wrist', namespace: 'team-a', uid: '0c9b4f5e-7f0e-4c44-9f0c-0d8f1c1c6a11', generation: 4, resourceVersion: '99' },
    spec: { dataset: { uri: 's3://data/hand-bones' }, model: { name: 'UNet' }, placement },
  });
}

describe('the Job of an attempt', () => {
  const fold = jobManifest(experiment(), FOLD, settings);

  it('is a single attempt; only the planner decides on another one', () => {
    expect(fold).toMatchObject({
      metadata: { name: 'wrist-fold-3-2', namespace: 'team-a' },
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 0,
        podReplacementPolicy: 'Failed',
        template: { spec: { restartPolicy: 'Never' } },
      },
    });
    expect(fold.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(fold.spec).not.toHaveProperty('suspend');
  });

  it('fails by a rule for every exit code, so that its condition names the exit code', () => {
    expect(fold.spec['podFailurePolicy']).toEqual({
      rules: [
        { action: 'FailJob', onExitCodes: { containerName: 'stage', operator: 'In', values: [64, 65, 78] } },
        { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailJob', onExitCodes: { containerName: 'stage', operator: 'In', values: [75] } },
        { action: 'FailJob', onExitCodes: { containerName: 'stage', operator: 'NotIn', values: [64, 65, 75, 78] } },
      ],
    });
  });

  it('is owned by its experiment; the Job and its pod have the labels of the attempt', () => {
    expect(fold.metadata.ownerReferences).toEqual([
      {
        apiVersion: 'carpal.dev/v1alpha1',
        kind: 'SegmentationExperiment',
        name: 'wrist',
        uid: '0c9b4f5e-7f0e-4c44-9f0c-0d8f1c1c6a11',
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    expect(labelledAttempt(fold.metadata)).toEqual({ stage: 'fold', fold: 3, attempt: 2 });
    expect(fold.metadata.labels).toMatchObject(fold.spec.template.metadata.labels);
  });

  it('runs the stage’s own command with the resolved experiment, including its uid', () => {
    const containers = [PREPARE, FOLD, ENSEMBLE].map((attempt) => {
      const [container] = jobManifest(experiment(), attempt, settings).spec.template.spec['containers'] as { args: string[] }[];
      return container?.args.join(' ');
    });
    const common = '--experiment /etc/carpal/experiment.json --artifacts s3://artifacts/carpal';
    expect(containers).toEqual([`prepare ${common}`, `fold ${common} --fold 3`, `ensemble ${common}`]);
    const map = configMapManifest(experiment());
    expect(map).toMatchObject({
      metadata: { name: expect.stringMatching(/^wrist-spec-[0-9a-f]{10}$/), namespace: 'team-a' },
      immutable: true,
    });
    const read = checkExperiment(JSON.parse(map.data['experiment.json'] ?? ''), ['hand-bones']);
    const { generation: _generation, resourceVersion: _version, ...metadata } = experiment().metadata;
    expect(read).toMatchObject({ ok: true, experiment: { metadata, spec: { run: { folds: [0, 1, 2, 3, 4] } } } });
    const resolved = read.ok ? withSizes(read.experiment, {}) : undefined;
    if (resolved === undefined) throw new Error('the map cannot be read');
    const { owner, dataset, model, inference, ensemble } = resolved.spec;
    const again = JSON.parse(configMapManifest(resolved).data['experiment.json'] ?? '') as object;
    expect(again).toMatchObject({ spec: { owner, dataset, model, inference, ensemble, run: { folds: resolved.spec.run.folds } } });
  });

  it('gives a stage nothing that an older image could reject: no new argument, and no field that the stage does not read', () => {
    const { spec } = JSON.parse(configMapManifest(experiment()).data['experiment.json'] ?? '') as { spec: Record<string, object> };
    expect(spec).toMatchObject({
      run: { folds: experiment().spec.run.folds },
      placement: { cpu: '7', memory: experiment().spec.placement.memory },
    });
    expect([spec['run'], spec['placement']].map((part) => Object.keys(part ?? {}))).toEqual([['folds'], ['cpu', 'memory']]);
    expect(spec).not.toHaveProperty('report');
    const [container] = jobManifest(experiment(), FOLD, settings).spec.template.spec['containers'] as { env: object[] }[];
    expect(container?.env).toContainEqual({ name: 'CARPAL_ATTEMPT', value: '2' });
  });

  it('gives a stage the variant of CustomUNet only if it is not the default, because an older image has none', () => {
    const variantOf = (variant: 'published' | 'improved'): unknown => {
      const { spec, ...rest } = experiment();
      const model = { name: 'CustomUNet', options: { width: 64, variant } } as const;
      const { data } = configMapManifest({ ...rest, spec: { ...spec, model } });
      const read = checkExperiment(JSON.parse(data['experiment.json'] ?? ''), ['hand-bones']);
      return [data['experiment.json']?.includes('"variant"'), read.ok && read.experiment.spec.model.options.variant];
    };
    expect(variantOf('published')).toEqual([false, 'published']);
    expect(variantOf('improved')).toEqual([true, 'improved']);
  });

  it('requests GPUs and GPU nodes for folds and for the ensemble, but not for prepare', () => {
    const placed = experiment({
      gpus: 2,
      cpu: '6',
      memory: '40Gi',
      ephemeralStorage: '20Gi',
      nodeSelector: { 'carpal.dev/pool': 'v100' },
      tolerations: [{ key: 'spot', operator: 'Exists' }],
      priorityClassName: 'research',
    });
    const specs = [FOLD, PREPARE].map((attempt) => jobManifest(placed, attempt, settings).spec.template.spec);
    expect(specs[0]).toMatchObject({
      nodeSelector: { 'carpal.dev/pool': 'v100' },
      tolerations: [
        { key: 'spot', operator: 'Exists' },
        { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
      ],
      priorityClassName: 'research',
      containers: [
        {
          resources: {
            requests: { cpu: '6', memory: '40Gi', 'ephemeral-storage': '20Gi', 'nvidia.com/gpu': '2' },
            limits: { memory: '40Gi', 'ephemeral-storage': '20Gi', 'nvidia.com/gpu': '2' },
          },
        },
      ],
      volumes: expect.arrayContaining([{ name: 'tmp', emptyDir: { sizeLimit: '20Gi' } }]),
    });
    expect(specs[1]).toMatchObject({
      containers: [
        {
          resources: {
            requests: { cpu: '2', memory: '8Gi', 'ephemeral-storage': '20Gi' },
            limits: { memory: '8Gi', 'ephemeral-storage': '20Gi' },
          },
        },
      ],
    });
    const { topologySpreadConstraints: _spread, ...folds } = specs[0] ?? {};
    const ensemble = jobManifest(placed, ENSEMBLE, settings).spec.template;
    expect(ensemble.spec).toMatchObject({
      ...folds,
      containers: [{ resources: (folds['containers'] as { resources: object }[])[0]?.resources }],
    });
    expect(ensemble.spec).not.toHaveProperty('topologySpreadConstraints');
    expect(ensemble.metadata.annotations).toMatchObject({ 'karpenter.sh/do-not-disrupt': 'true' });
    for (const field of ['nodeSelector', 'tolerations', 'priorityClassName', 'topologySpreadConstraints']) {
      expect(specs[1]).not.toHaveProperty(field);
    }
  });

  it('trains on a CPU with gpus: 0 and hides all GPUs', () => {
    const text = JSON.stringify(jobManifest(experiment({ gpus: 0 }), FOLD, settings));
    expect(text).not.toContain('nvidia.com/gpu');
    expect(text).toContain('{"name":"NVIDIA_VISIBLE_DEVICES","value":"void"}');
  });

  it('waits for Kueue if a queue is named; prepare has a queue of its own', () => {
    const queued = experiment({ queueName: 'gpu-team' });
    expect(jobManifest(queued, FOLD, settings)).toMatchObject({
      metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'gpu-team' } },
      spec: { suspend: true },
    });
    const prepare = jobManifest(queued, PREPARE, settings);
    expect(prepare.spec).not.toHaveProperty('suspend');
    expect(prepare.metadata.labels).not.toHaveProperty('kueue.x-k8s.io/queue-name');
    const cpuQueue = stageSettings({ ...settings, cpuStage: { cpu: '2', memory: '8Gi', queueName: 'cpu' } });
    expect(jobManifest(queued, PREPARE, cpuQueue)).toMatchObject({ spec: { suspend: true } });
    expect(jobManifest(queued, ENSEMBLE, settings)).toMatchObject({
      metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'gpu-team' } },
      spec: { suspend: true },
    });
  });

  it('has the Kueue priority of its placement', () => {
    const urgent = experiment({ queueName: 'gpu-team', workloadPriorityClass: 'urgent', prepare: { workloadPriorityClass: 'normal' } });
    const priorities = [FOLD, ENSEMBLE, PREPARE].map(
      (attempt) => jobManifest(urgent, attempt, settings).metadata.labels?.['kueue.x-k8s.io/priority-class'],
    );
    expect(priorities).toEqual(['urgent', 'urgent', 'normal']);
    expect(fold.metadata.labels).not.toHaveProperty('kueue.x-k8s.io/priority-class');
  });

  it('reads the version of the spec with which it was created', () => {
    const changed = experiment({ memory: '64Gi' });
    const [before, after] = [experiment(), changed].map((version) => [
      configMapName(version),
      JSON.stringify(jobManifest(version, FOLD, settings).spec.template.spec['volumes']),
    ]);
    expect(before?.[0]).not.toBe(after?.[0]);
    expect([before?.[1]?.includes(before[0] ?? ''), after?.[1]?.includes(after[0] ?? '')]).toEqual([true, true]);
    const { metadata } = changed;
    expect(configMapName({ ...changed, metadata: { ...metadata, resourceVersion: '100', generation: 5, labels: { team: 'a' } } })).toBe(
      configMapName(changed),
    );
  });

  it('uses the store’s Secret only if one is named, and no other', () => {
    expect(JSON.stringify(fold)).not.toMatch(/secret/i);
    const named = jobManifest(experiment(), FOLD, stageSettings({ ...settings, artifactsSecretName: 'artifacts' }));
    expect(named.spec.template.spec).toMatchObject({ containers: [{ envFrom: [{ secretRef: { name: 'artifacts' } }] }] });
  });

  it('runs as the service account of its placement, otherwise of the settings', () => {
    const accountOf = (of: SegmentationExperiment): unknown => jobManifest(of, FOLD, settings).spec.template.spec['serviceAccountName'];
    expect([accountOf(experiment()), accountOf(experiment({ serviceAccountName: 'trainer' }))]).toEqual(['carpal-stage', 'trainer']);
    expect(fold.spec.template.spec).toMatchObject({ automountServiceAccountToken: false, terminationGracePeriodSeconds: 100 });
  });

  it('mounts the claims of the settings', () => {
    const volumes = [{ claimName: 'artifacts', mountPath: '/artifacts' }];
    expect(jobManifest(experiment(), FOLD, stageSettings({ ...settings, volumes })).spec.template.spec).toMatchObject({
      volumes: expect.arrayContaining([{ name: 'claim-0', persistentVolumeClaim: { claimName: 'artifacts', readOnly: false } }]),
      containers: [{ volumeMounts: expect.arrayContaining([{ name: 'claim-0', mountPath: '/artifacts', readOnly: false }]) }],
    });
  });
});

describe('names and labels of every experiment that the schema accepts', () => {
  const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
  const VALUE = /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/;
  const named = (pattern: RegExp, maxLength: number) => fc.stringMatching(pattern).filter((text) => text.length <= maxLength);
  const names = fc.oneof(named(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, NAME_MAX_LENGTH), fc.constant('x'.repeat(NAME_MAX_LENGTH)));
  const uids = fc.oneof(fc.uuid(), named(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 63));
  const queues = named(/^([a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?)?$/, 63);
  const keys: fc.Arbitrary<StageKey> = fc.oneof(
    fc.constantFrom<StageKey>({ stage: 'prepare' }, { stage: 'ensemble' }),
    fc.integer({ min: 0, max: 19 }).map((index): StageKey => ({ stage: 'fold', fold: index })),
  );

  it('are valid and short enough, even with the suffix that a pod gets', () => {
    fc.assert(
      fc.property(names, uids, queues, keys, fc.integer({ min: 1, max: 99_999 }), (name, uid, queueName, key, attempt) => {
        const given = experimentSchema.parse({
          ...experiment({ queueName }),
          metadata: { name, uid },
        });
        const manifest = jobManifest(given, start(key, attempt, name), settings);
        for (const each of [manifest.metadata.name, configMapName(given), `${manifest.metadata.name}-7x2kp`]) {
          expect(each).toMatch(NAME);
          expect(each.length).toBeLessThanOrEqual(63);
        }
        for (const value of Object.values({ ...manifest.metadata.labels, ...manifest.spec.template.metadata.labels })) {
          expect(value).toMatch(VALUE);
          expect(value.length).toBeLessThanOrEqual(63);
        }
        expect(labelledAttempt(manifest.metadata)).toEqual({ ...key, attempt });
      }),
    );
  });
});
