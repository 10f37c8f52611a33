/** The limits of namespaces, on an API server that no other test uses: the policy applies to every namespace of a cluster. */

import { readFileSync } from 'node:fs';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { CONFIG_MAPS, NAMESPACES, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { applyCrd } from '@carpal/testbed/cluster/test-objects.ts';
import { useOwnControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { LIMIT_KEYS, limitsName } from './admission-limits.ts';
import { policyName } from './admission-policy.ts';
import { type InstalledOperator, OPERATOR_NAMESPACE } from './manifest-settings.ts';

const cluster = useOwnControlPlane();
const OPERATOR: InstalledOperator = { namespace: OPERATOR_NAMESPACE };
const LIMITS_NAME = limitsName(OPERATOR);
const POLICIES: Resource = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicies' };
const file = new URL('../../infra/gitops/base/admission-policy.yaml', import.meta.url);

beforeAll(async () => {
  const { client, kubeconfig } = cluster();
  await applyCrd(client);
  await client.request({ method: 'POST', path: resourcePath(NAMESPACES), body: { metadata: { name: OPERATOR_NAMESPACE } } });
  expect(await kubectl(kubeconfig, ['apply', '-f', file.pathname])).toMatchObject({ code: 0, errors: '' });
});

/** Sets the limits and waits until the server applies them, because the server reads them through a watch of its own. */
async function limit(data: Readonly<Record<string, string>>): Promise<void> {
  const { client } = cluster();
  const path = resourcePath(CONFIG_MAPS, { namespace: OPERATOR_NAMESPACE, name: LIMITS_NAME });
  const marker = `probe-${Object.keys(data).join('-')}-${Object.values(data).join('').length}`.replaceAll(/[^a-z0-9-]/g, '').slice(0, 50);
  const whole = { ...data, 'datasets.kube-public': `s3://${marker}` };
  const old = await client.request<{ data?: Record<string, string> }>({ method: 'GET', path });
  const gone = Object.fromEntries(Object.keys(old.data ?? {}).map((key) => [key, null]));
  await client.request({ method: 'PATCH', patch: 'merge', path, body: { data: { ...gone, ...whole } } });
  await vi.waitFor(async () => expect(await refusal('kube-public', 's3://x')).toContain(`s3://${marker}/`), {
    timeout: 10_000,
    interval: 50,
  });
}

const experiment = (name: string, spec: object): object => ({
  apiVersion: 'carpal.dev/v1alpha1',
  kind: 'SegmentationExperiment',
  metadata: { name },
  spec: { dataset: { uri: 's3://x' }, model: { name: 'UNet' }, ...spec },
});

const messageOf = (request: Promise<unknown>): Promise<string> =>
  request.then(
    () => '',
    (error: unknown) => String(error),
  );

/** The message with which the server refuses an experiment in a namespace; '' if it accepts it. */
async function refusal(namespace: string, uri: string, spec: object = {}): Promise<string> {
  const body = experiment('wrist', { dataset: { uri }, ...spec });
  const path = resourcePath(EXPERIMENTS, { namespace });
  return await messageOf(cluster().client.request({ method: 'POST', path, query: { dryRun: 'All' }, body }));
}

/** The message with which the server refuses a change of an existing experiment; '' if it accepts it. */
async function refusalOfChange(name: string, body: object): Promise<string> {
  const path = resourcePath(EXPERIMENTS, { namespace: taken(), name });
  return await messageOf(cluster().client.request({ method: 'PATCH', patch: 'merge', path, body }));
}

async function create(name: string, spec: object): Promise<void> {
  const path = resourcePath(EXPERIMENTS, { namespace: taken() });
  await cluster().client.request({ method: 'POST', path, body: experiment(name, spec) });
}

const taken = (): string => cluster().namespace;

describe('the admission policy', () => {
  it('sets no limits by default', async () => {
    await vi.waitFor(async () => expect(await refusal(taken(), 's3://any/where')).toBe(''), { timeout: 10_000, interval: 50 });
  });

  it.each([
    ['s3://hands', true],
    ['s3://hands/2024', true],
    ['s3://shared/wrists', true],
    ['s3://shared', false],
    ['s3://hands-secret/x', false],
    ['s3://hands/../secret', false],
    ['S3://secret', false],
    ['/mnt/secret', false],
  ])('allows or refuses a data set below the limits of a namespace: %s: %s', async (uri, isAllowed) => {
    await limit({ datasets: 's3://hands\n  s3://shared/wrists/  \n\n' });
    const message = await refusal(taken(), uri);
    if (isAllowed) return expect(message).toBe('');
    return expect(message).toContain(
      `spec.dataset.uri: "${uri}" is not a data set that namespace ${taken()} may read. Use one below s3://hands/ or s3://shared/wrists/, or ask the owner of ConfigMap carpal-system/carpal-limits to add it.`,
    );
  });

  it.each([
    ['file:///hands', true],
    ['file:///hands/2024', true],
    ['file:///hands/%2e%2e/secret', false],
    ['file:///hands/%2E./secret', false],
    ['file:///hands\\..\\secret', false],
    ['file:///hands/.\t./secret', false],
    ['file:///hands/.. ', false],
    ['file:///hands/x y', false],
    ['s3://hands/50%', true],
    ['s3://hands/\u007f', false],
  ])('detects disguised paths in a file:// address: %j: %s', async (uri, isAllowed) => {
    await limit({ datasets: 'file:///hands\n s3://hands' });
    const message = await refusal(taken(), uri);
    if (isAllowed) expect(message).toBe('');
    else expect(message).toContain('is not a data set that namespace');
  });

  it('limits pretrained weights to the data sets, or to a limit of their own', async () => {
    const from = (pretrained: string): Promise<string> =>
      refusal(taken(), 's3://hands', { model: { name: 'FCNResNet50', pretrained: { uri: pretrained } } });
    await limit({ datasets: 's3://hands' });
    expect(await from('s3://hands/encoder.safetensors')).toBe('');
    expect(await from('s3://secret/encoder.safetensors')).toContain(
      `spec.model.pretrained.uri: "s3://secret/encoder.safetensors" is not a weights file that namespace ${taken()} may read. Use one below s3://hands/, or ask`,
    );
    await limit({ datasets: 's3://hands', weights: 's3://public/weights' });
    expect(await from('s3://public/weights/encoder.safetensors')).toBe('');
    expect(await from('s3://public/weights/../secret')).toContain('spec.model.pretrained.uri');
    expect(await from('s3://hands/encoder.safetensors')).toContain('Use one below s3://public/weights/,');
    await limit({ weights: '' });
    expect(await from('s3://hands/encoder.safetensors')).toContain('None is allowed: ask');
    expect(await refusal(taken(), 's3://any')).toBe('');
  });

  it('prefers the limit of a namespace to the limit of all namespaces', async () => {
    await limit({ datasets: 's3://hands', [`datasets.${taken()}`]: 's3://own' });
    expect(await refusal(taken(), 's3://own/x')).toBe('');
    expect(await refusal(taken(), 's3://hands')).toContain('Use one below s3://own/,');
    expect(await refusal('default', 's3://hands')).toBe('');
  });

  it('allows nothing if the limit is empty', async () => {
    await limit({ [`datasets.${taken()}`]: '' });
    expect(await refusal(taken(), 's3://hands')).toContain('None is allowed: ask the owner of ConfigMap');
  });

  it('requires a queue if queues are limited', async () => {
    await limit({ [`queues.${taken()}`]: 'gpu-a\ngpu-b' });
    expect(await refusal(taken(), 's3://x', { placement: { queueName: 'gpu-b' } })).toBe('');
    expect(await refusal(taken(), 's3://x')).toContain(
      `spec.placement.queueName: is missing, and namespace ${taken()} needs one. Use gpu-a or gpu-b,`,
    );
    expect(await refusal(taken(), 's3://x', { placement: { queueName: 'gpu-c' } })).toContain('"gpu-c" is not a queue that namespace');
    expect(await refusal('default', 's3://x')).toBe('');
  });

  it.each(['placement', 'prepare', 'ensemble'])(
    'limits what the %s of an experiment names, when it is created and when it changes',
    async (part) => {
      const place = (fields: object): object => ({ placement: part === 'placement' ? fields : { queueName: 'gpu', [part]: fields } });
      const at = part === 'placement' ? 'spec.placement' : `spec.placement.${part}`;
      await limit({
        queues: 'gpu\ncpu',
        priorityClasses: 'normal',
        workloadPriorityClasses: 'normal',
        tolerations: 'nvidia.com/gpu\nteam=hands\nspot:NoSchedule',
        nodeSelectors: 'pool=gpu\ngpu-model',
      });
      const allowed = {
        queueName: 'cpu',
        priorityClassName: 'normal',
        workloadPriorityClass: 'normal',
        tolerations: [
          { key: 'nvidia.com/gpu', operator: 'Exists' },
          { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' },
          { key: 'team', value: 'hands', effect: 'NoExecute' },
          { key: 'spot', value: 'yes', effect: 'NoSchedule' },
          { key: 'spot', operator: 'Exists', effect: 'NoSchedule' },
        ],
        nodeSelector: { pool: 'gpu', 'gpu-model': 'V100' },
      };
      const name = `changed-${part}`;
      await create(name, place({ queueName: 'gpu' }));
      expect(await refusal(taken(), 's3://x', place(allowed))).toBe('');
      for (const [field, value, wrong] of [
        ['queueName', 'other', '"other" is not a queue'],
        ['queueName', '', 'is missing, and namespace'],
        ['priorityClassName', 'system-node-critical', '"system-node-critical" is not a priority class'],
        ['workloadPriorityClass', 'urgent', '"urgent" is not a workload priority class'],
        ['tolerations', [{ operator: 'Exists' }], '"*" is not a toleration'],
        ['tolerations', [{ key: 'team', operator: 'Exists' }], '"team" is not a toleration'],
        ['tolerations', [{ key: 'team', value: 'feet' }], '"team=feet" is not a toleration'],
        ['tolerations', [{ key: 'spot', value: 'yes' }], '"spot=yes" is not a toleration'],
        ['tolerations', [{ key: 'spot', value: 'yes', effect: 'NoExecute' }], '"spot=yes:NoExecute" is not a toleration'],
        ['nodeSelector', { pool: 'gpu-2' }, '"pool=gpu-2" is not a node label'],
        ['nodeSelector', { pool: 'gpu', 'kubernetes.io/hostname': 'n1' }, '"kubernetes.io/hostname=n1" is not a node label'],
      ] as const) {
        const spec = place({ queueName: 'gpu', [field]: value });
        for (const message of [await refusal(taken(), 's3://x', spec), await refusalOfChange(name, { spec })]) {
          expect(message, JSON.stringify(spec)).toContain(`${at}.${field}: ${wrong}`);
          expect(message).toContain('ask the owner of ConfigMap carpal-system/carpal-limits to add it.');
        }
      }
      expect(await refusalOfChange(name, { spec: place(allowed) })).toBe('');
    },
  );

  it('limits the service accounts of stages to the default one and those listed', async () => {
    await limit({});
    await create('accounts', {});
    await limit({ [`serviceAccounts.${taken()}`]: 'reader' });
    for (const serviceAccountName of ['reader', ''])
      expect(await refusalOfChange('accounts', { spec: { placement: { serviceAccountName } } })).toBe('');
    for (const message of [
      await refusal(taken(), 's3://x', { placement: { serviceAccountName: 'admin' } }),
      await refusalOfChange('accounts', { spec: { placement: { serviceAccountName: 'admin' } } }),
    ])
      expect(message).toContain(`"admin" is not a service account that namespace ${taken()} may use. Use reader, or ask`);
  });

  it('limits who gets reports, when an experiment is created and when it changes', async () => {
    await limit({});
    await create('reports', {});
    await limit({ reports: 'slack:#xray\nkakao:*\nmlflow:hands' });
    const allowed = { slack: { channel: '#xray' }, kakao: { receivers: ['kim', 'lee'] }, sheets: {}, mlflow: { experiment: 'hands' } };
    expect(await refusalOfChange('reports', { spec: { report: allowed } })).toBe('');
    for (const [report, receiver] of [
      [{ slack: { channel: '#all' } }, 'slack:#all'],
      [{ sheets: { spreadsheetId: 'id' } }, 'sheets:id'],
      [{ mlflow: { experiment: 'feet' } }, 'mlflow:feet'],
    ] as const)
      for (const message of [await refusal(taken(), 's3://x', { report }), await refusalOfChange('reports', { spec: { report } })])
        expect(message).toContain(
          `spec.report: "${receiver}" is not a receiver of reports that namespace ${taken()} may use. Use slack:#xray or`,
        );
  });

  it('keeps what an experiment has when its limits become stricter, so that it blocks neither the operator nor a suspension', async () => {
    await limit({});
    await create('older', {
      dataset: { uri: 's3://hands' },
      placement: { queueName: 'gpu', priorityClassName: 'high', nodeSelector: { a: 'b' }, tolerations: [{ operator: 'Exists' }] },
      report: { slack: { channel: '#xray' } },
    });
    await limit(Object.fromEntries(LIMIT_KEYS.map((key) => [key, ''])));
    for (const change of [
      { metadata: { finalizers: ['carpal.dev/artifacts'] } },
      { spec: { run: { suspend: true, retry: 1 } } },
      { spec: { placement: { memory: '96Gi', nodeSelector: null } } },
      { metadata: { finalizers: null } },
    ])
      expect(await refusalOfChange('older', change), JSON.stringify(change)).toBe('');
    expect(await refusalOfChange('older', { spec: { placement: { priorityClassName: 'higher' } } })).toContain('None is allowed: ask');
    const status = resourcePath(EXPERIMENTS, { namespace: taken(), name: 'older', subresource: 'status' });
    await cluster().client.request({ method: 'PATCH', patch: 'merge', path: status, body: { status: null } });
  });

  it('passes the server’s type check against the CRD without warnings', async () => {
    const checked = await vi.waitFor(
      async () => {
        const path = resourcePath(POLICIES, { name: policyName(OPERATOR) });
        const { status } = await cluster().client.request<{ status?: { observedGeneration?: number; typeChecking?: object } }>({
          method: 'GET',
          path,
        });
        expect(status?.observedGeneration).toBe(1);
        return status?.typeChecking;
      },
      { timeout: 20_000, interval: 200 },
    );
    expect(checked).toEqual({});
  });

  it('refuses everything if its limits are missing', async () => {
    const path = resourcePath(CONFIG_MAPS, { namespace: OPERATOR_NAMESPACE, name: LIMITS_NAME });
    await cluster().client.request({ method: 'DELETE', path });
    await vi.waitFor(async () => expect(await refusal('default', 's3://x')).toContain('no params found'), {
      timeout: 10_000,
      interval: 50,
    });
  });

  it('has a ConfigMap with instructions', () => {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('datasets.radiology: |');
    expect(parseAllDocuments(text).map((document) => document.toJS().kind)).toEqual([
      'ConfigMap',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ]);
  });
});
