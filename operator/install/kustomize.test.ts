/** What infra/gitops and `carpal manifests` install on a real API server. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { useOwnControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { namespaceLimits } from './admission-limits.ts';
import { stageObjects } from './experiment-namespace.ts';
import { manifestSettings } from './manifest-settings.ts';
import { allManifests, yamlDocuments } from './manifests.ts';

const cluster = useOwnControlPlane();
const folder = (path: string): string => fileURLToPath(new URL(`../../infra/gitops/${path}`, import.meta.url));
const run = (args: readonly string[], input = '') => kubectl(cluster().kubeconfig, args, input);

type Found = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
};
const documents = (text: string): Found[] => parseAllDocuments(text).map((document) => document.toJS() as Found);
const titles = (objects: readonly Found[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`).toSorted();

beforeAll(async () => {
  // kubectl creates objects in this order, so the namespace exists before the objects in it.
  expect(await run(['apply', '--server-side', '-k', folder('base')])).toMatchObject({ code: 0, errors: '' });
});

describe('infra/gitops', () => {
  it('installs without a warning, also repeatedly', async () => {
    const again = await run(['apply', '--server-side', '--dry-run=server', '-k', folder('base')]);
    expect(again).toMatchObject({ code: 0, errors: '' });
    expect(again.output).toContain('deployment.apps/carpal-operator');
  });

  it('is equal to what `carpal manifests` prints', async () => {
    const { output } = await run(['kustomize', folder('base')]);
    const printed = documents(yamlDocuments(allManifests(manifestSettings())));
    expect(titles(printed)).toEqual(titles(documents(output)));
    for (const object of documents(output)) expect(printed).toContainEqual(object);
  });

  it('has an example overlay in which stages run the image of the operator', async () => {
    const built = await run(['kustomize', folder('overlays/example')]);
    expect(built).toMatchObject({ code: 0, errors: '' });
    const objects = documents(built.output);
    for (const title of [
      'ServiceAccount radiology/carpal-stage',
      'NetworkPolicy radiology/carpal-stage',
      'RoleBinding radiology/carpal-operator-run.carpal-system',
    ])
      expect(titles(objects)).toContain(title);
    // The namespace of the kustomization is not the namespace of the operator.
    expect(objects.find(({ metadata }) => metadata.name === 'carpal-operator-run.carpal-system' && metadata.namespace)).toMatchObject({
      subjects: [{ name: 'carpal-operator', namespace: 'carpal-system' }],
    });
    expect(JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'))).toMatch(
      /"name":"CARPAL_IMAGE","value":"your-registry\/carpal@sha256:[0-9a-f]{64}".*"image":"your-registry\/carpal@sha256:/,
    );
    const applied = await run(['apply', '--server-side', '--force-conflicts', '-k', folder('overlays/example')]);
    expect(applied).toMatchObject({ code: 0, errors: '' });
  });

  it('has a separate component for Prometheus and Grafana', async () => {
    const { output } = await run(['kustomize', folder('components/monitoring')]);
    expect(titles(documents(output))).toEqual([
      'ConfigMap carpal-system/carpal-dashboard',
      'PrometheusRule carpal-system/carpal-operator',
      'ServiceMonitor carpal-system/carpal-operator',
    ]);
    const dashboard = documents(output).find(({ kind }) => kind === 'ConfigMap')?.['data'] as Record<string, string>;
    expect(JSON.parse(dashboard['carpal.json'] ?? '')).toMatchObject({ title: 'carpal' });
  });

  it('has a separate component that prunes artifacts, with an account that may only list experiments', async () => {
    const component = folder('components/prune');
    expect(await run(['apply', '--server-side', '-k', component])).toMatchObject({ code: 0, errors: '' });
    const can = async (...what: string[]): Promise<string> =>
      (await run(['auth', 'can-i', ...what, '--as', 'system:serviceaccount:carpal-system:carpal-prune', '-A'])).output.trim();
    expect(await can('list', 'segmentationexperiments')).toBe('yes');
    for (const what of [
      ['watch', 'segmentationexperiments'],
      ['delete', 'segmentationexperiments'],
      ['list', 'pods'],
      ['list', 'secrets'],
    ])
      expect(await can(...what), what.join(' ')).toBe('no');
    await run(['create', 'job', 'now', '--from=cronjob/carpal-prune', '-n', 'carpal-system']);
    const pods = [
      'get',
      'pods',
      '-n',
      'carpal-system',
      '-l',
      'batch.kubernetes.io/job-name=now',
      '-o',
      'jsonpath={.items[*].spec.containers[0].args}',
    ];
    await expect.poll(async () => (await run(pods)).output, { timeout: 20_000 }).toBe('["artifacts","prune","--older-than=14d","--yes"]');
  });

  it('creates pods that the Pod Security level "restricted" admits', async () => {
    await expect
      .poll(async () => (await run(['get', 'pods', '-n', 'carpal-system', '-o', 'name'])).output.trim().split('\n').length, {
        timeout: 20_000,
      })
      .toBeGreaterThanOrEqual(2);
    const { output } = await run(['get', 'events', '-n', 'carpal-system', '--field-selector', 'type=Warning', '-o', 'name']);
    expect(output.includes('FailedCreate')).toBe(false);
  });
});

describe('the commands of docs/operations/upgrade.md', () => {
  it('delete what an older version leaves behind, and nothing else', async () => {
    const current = async (): Promise<string> =>
      (await run(['get', 'ClusterRole,ClusterRoleBinding,ValidatingAdmissionPolicy,ValidatingAdmissionPolicyBinding', '-o', 'name']))
        .output;
    const before = await current();
    const rbac = 'rbac.authorization.k8s.io';
    const admission = 'admissionregistration.k8s.io/v1';
    const left = [
      { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'carpal-operator' }, rules: [] },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name: 'carpal-operator' },
        subjects: [],
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'carpal-operator' },
      },
      {
        apiVersion: admission,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'limits.carpal.dev' },
        spec: {
          matchConstraints: {
            resourceRules: [{ apiGroups: ['carpal.dev'], apiVersions: ['*'], operations: ['CREATE'], resources: ['*'] }],
          },
          validations: [{ expression: 'true' }],
        },
      },
      {
        apiVersion: admission,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name: 'limits.carpal.dev' },
        spec: { policyName: 'limits.carpal.dev', validationActions: ['Deny'] },
      },
    ];
    expect(await run(['apply', '--server-side', '-f', '-'], yamlDocuments(left))).toMatchObject({ code: 0 });
    expect(await current()).not.toBe(before);
    const text = readFileSync(new URL('../../docs/operations/upgrade.md', import.meta.url), 'utf8');
    const commands = [...text.matchAll(/^kubectl (delete .*)$/gm)].map(([, command = '']) => command.split(' '));
    expect(commands.length).toBe(2);
    for (const command of commands) expect(await run(command), command.join(' ')).toMatchObject({ code: 0, errors: '' });
    expect(await current()).toBe(before);
  });
});

describe('carpal manifests', () => {
  it('sets image, store, secret and variables where the operator reads them', () => {
    const settings = manifestSettings({
      namespace: 'ml',
      image: 'carpal@sha256:1',
      artifactsUri: 's3://a/b',
      artifactsSecretName: 'store',
      env: { AWS_REGION: 'r' },
    });
    const objects = allManifests(settings, { monitoring: true, experimentNamespaces: ['hands'] }) as readonly Found[];
    const deployment = JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'));
    for (const text of [
      '"--artifacts-secret=store"',
      '"--stage-env=AWS_REGION=r"',
      '"envFrom":[{"secretRef":{"name":"store"}}]',
      '"s3://a/b"',
    ])
      expect(deployment).toContain(text);
    expect(titles(objects)).toContain('ServiceAccount hands/carpal-stage');
    const elsewhere = objects.filter(({ metadata }) => metadata.namespace !== undefined && !['ml', 'hands'].includes(metadata.namespace));
    expect(elsewhere).toEqual([]);
    expect(yamlDocuments(objects)).not.toContain('carpal-system');
  });

  it('passes on what an environment or an option decides about stages', () => {
    const stages = { prepare: { cpu: '4', memory: '16Gi', queueName: 'cpu' }, graceSeconds: 60, sharedMemory: '2Gi' };
    const objects = allManifests(manifestSettings({ stages })) as readonly Found[];
    expect(objects.find(({ kind }) => kind === 'Deployment')?.['spec']).toMatchObject({
      template: {
        spec: {
          containers: [
            {
              args: [
                'operator',
                '--prepare-cpu=4',
                '--prepare-memory=16Gi',
                '--prepare-queue=cpu',
                '--grace-seconds=60',
                '--shared-memory=2Gi',
              ],
            },
          ],
        },
      },
    });
  });

  it('mounts the claim with the artifacts, and passes on the claim and the registry Secret', async () => {
    const shared = { artifactsUri: '/artifacts', artifactsClaimName: 'shared', pullSecretName: 'registry' };
    const objects = allManifests(manifestSettings(shared)) as readonly Found[];
    expect(objects.find(({ kind }) => kind === 'Deployment')?.['spec']).toMatchObject({
      template: {
        spec: {
          imagePullSecrets: [{ name: 'registry' }],
          containers: [
            {
              args: ['operator', '--artifacts-claim=shared', '--pull-secret=registry'],
              volumeMounts: expect.arrayContaining([{ name: 'artifacts', mountPath: '/artifacts' }]),
            },
          ],
          volumes: expect.arrayContaining([{ name: 'artifacts', persistentVolumeClaim: { claimName: 'shared' } }]),
        },
      },
    });
    const input = yamlDocuments(objects);
    const applied = await run(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'], input);
    expect(applied).toMatchObject({ code: 0, errors: '' });
  });

  it('limits one namespace and leaves the limits of other namespaces unchanged', async () => {
    const apply = async (namespace: string, uri: string) => {
      const limits = namespaceLimits(namespace, { datasets: [uri] }, manifestSettings());
      const input = yamlDocuments([...stageObjects(manifestSettings(), 'default'), ...(limits === undefined ? [] : [limits])]);
      return await run(['apply', '--server-side', `--field-manager=carpal-limits-${namespace}`, '-f', '-'], input);
    };
    expect(await apply('hands', 's3://hands')).toMatchObject({ code: 0, errors: '' });
    expect(await apply('feet', 's3://feet')).toMatchObject({ code: 0, errors: '' });
    const { output } = await run(['get', 'configmap', 'carpal-limits', '-n', 'carpal-system', '-o', 'jsonpath={.data}']);
    expect(JSON.parse(output)).toMatchObject({ 'datasets.hands': 's3://hands\n', 'datasets.feet': 's3://feet\n' });
  });

  it.each([
    ['view', 'get', 'yes'],
    ['view', 'create', 'no'],
    ['edit', 'create', 'yes'],
    ['edit', 'update', 'yes'],
    ['admin', 'delete', 'yes'],
  ])('allows the role %s in a namespace to %s experiments: %s', async (role, verb, may) => {
    const account = `system:serviceaccount:default:${role}er`;
    await run(['create', 'rolebinding', `${role}er`, `--clusterrole=${role}`, `--serviceaccount=default:${role}er`, '-n', 'default']);
    await expect
      .poll(async () => (await run(['auth', 'can-i', verb, 'segmentationexperiments', '--as', account, '-n', 'default'])).output.trim(), {
        timeout: 20_000,
      })
      .toBe(may);
  });

  it('lets none of these roles write the status, and gives stages no rights', async () => {
    const can = async (account: string, ...what: string[]): Promise<string> =>
      (await run(['auth', 'can-i', ...what, '--as', `system:serviceaccount:default:${account}`, '-n', 'default'])).output.trim();
    expect(await can('admin', 'patch', 'segmentationexperiments', '--subresource=status')).toBe('no');
    for (const what of [
      ['get', 'pods'],
      ['list', 'secrets'],
      ['get', 'segmentationexperiments'],
      ['create', 'jobs'],
    ])
      expect(await can('carpal-stage', ...what)).toBe('no');
  });
});
