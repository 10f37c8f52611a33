/** Several operators in one cluster: in one namespace, each for the experiments of another namespace, and in several namespaces. */

import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { useOwnControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { accountOf, applyObjects } from '@carpal/testbed/operator/installed-operator.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { namespaceLimits } from './admission-limits.ts';
import { type ManifestSettings, manifestSettings } from './manifest-settings.ts';
import { allManifests, clusterManifests, namespacedManifests } from './manifests.ts';
import { optIn } from './rbac.ts';

type Found = { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string } };
type Selected = { readonly spec: { readonly selector: object; readonly template: { readonly metadata: { readonly labels: object } } } };

const installation = (watchNamespace?: string): readonly Found[] =>
  allManifests(manifestSettings({ image: `carpal:${watchNamespace}`, ...(watchNamespace === undefined ? {} : { watchNamespace }) }), {
    monitoring: true,
  }) as readonly Found[];
const titleOf = ({ kind, metadata }: Found): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
const byKind = (objects: readonly Found[], kind: string): Found | undefined => objects.find((one) => one.kind === kind);

describe.each([
  ['radiology', 'surgery'],
  ['radiology', undefined],
])('the operators of %s and %s', (first, second) => {
  const [one, other] = [installation(first), installation(second)];

  it('share only the objects that are equal for both', () => {
    const shared = one.filter((object) => other.some((another) => titleOf(another) === titleOf(object)));
    for (const object of shared) expect(other).toContainEqual(object);
    expect(shared.map(({ kind }) => kind).toSorted()).toEqual([
      'ClusterRole',
      'ClusterRole',
      'ConfigMap',
      'CustomResourceDefinition',
      'Namespace',
      'PrometheusRule',
    ]);
  });

  it('have separate pods, which the selectors of the other operator do not match', () => {
    const { labels } = (byKind(other, 'Deployment') as Found & Selected).spec.template.metadata;
    const selectors = one.flatMap((object) =>
      [...JSON.stringify(object).matchAll(/"(?:matchLabels|selector)":(\{"app[^}]*\})/g)].map(([, text = '']) => [
        object.kind,
        JSON.parse(text) as object,
      ]),
    );
    expect(new Set(selectors.map(([kind]) => kind))).toEqual(
      new Set(['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceMonitor']),
    );
    for (const [kind, selector] of selectors) expect(labels, String(kind)).not.toMatchObject(selector as object);
  });
});

describe('the operators of two installations', () => {
  const cluster = useOwnControlPlane();
  const first = manifestSettings();
  const second = manifestSettings({ namespace: 'other-system' });
  let third: ManifestSettings;
  let limited: string;
  let open: string;

  beforeAll(async () => {
    limited = await freshNamespace(cluster().client);
    open = await freshNamespace(cluster().client);
    third = manifestSettings({ namespace: 'third-system', watchNamespace: open });
    await applyObjects(cluster(), [...clusterManifests(first), ...namespacedManifests(first), optIn(first, limited)]);
    await limit(first, limited, 's3://hands');
  });

  async function limit(settings: ManifestSettings, namespace: string, dataset: string): Promise<void> {
    const limits = namespaceLimits(namespace, { datasets: [dataset] }, settings);
    await applyObjects(cluster(), limits === undefined ? [] : [limits], `carpal-limits-${namespace}`);
  }

  /** The message with which the server refuses an experiment with this data set; '' if it accepts it. */
  async function refusal(namespace: string, uri: string): Promise<string> {
    const body = {
      apiVersion: 'carpal.dev/v1alpha1',
      kind: 'SegmentationExperiment',
      metadata: { name: 'wrist' },
      spec: { dataset: { uri }, model: { name: 'UNet' } },
    };
    const path = resourcePath(EXPERIMENTS, { namespace });
    return await cluster()
      .client.request({ method: 'POST', path, query: { dryRun: 'All' }, body })
      .then(
        () => '',
        (error: unknown) => String(error),
      );
  }

  it('keep their limits and rights when another is installed', async () => {
    const { kubeconfig } = cluster();
    await expect.poll(() => refusal(limited, 's3://feet'), { timeout: 20_000 }).toContain('s3://hands/');
    for (const settings of [second, third]) await applyObjects(cluster(), allManifests(settings));
    await limit(third, open, 's3://wrists');
    await expect.poll(() => refusal(open, 's3://feet'), { timeout: 20_000 }).toContain('ConfigMap third-system/carpal-limits-');
    expect(await refusal(limited, 's3://feet')).toContain(
      'Use one below s3://hands/, or ask the owner of ConfigMap carpal-system/carpal-limits',
    );
    expect(await refusal(limited, 's3://hands')).toBe('');
    expect(await refusal(open, 's3://wrists')).toBe('');
    const can = async (settings: ManifestSettings, namespace: string, ...what: string[]): Promise<string> =>
      (await kubectl(kubeconfig, ['auth', 'can-i', ...what, '--as', accountOf(settings), '-n', namespace])).output.trim();
    for (const [settings, namespace, run] of [
      [first, limited, 'yes'],
      [first, open, 'no'],
      [second, limited, 'no'],
      [third, open, 'yes'],
    ] as const)
      expect(await can(settings, namespace, 'create', 'jobs'), `${settings.namespace} in ${namespace}`).toBe(run);
    expect(await can(first, open, 'list', 'segmentationexperiments')).toBe('yes');
    expect(await can(third, limited, 'list', 'segmentationexperiments')).toBe('no');
  });
});
