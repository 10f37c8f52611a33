/** Several operators in one namespace, each for the experiments of another namespace. */
import { describe, expect, it } from 'vitest';
import { manifestSettings } from './manifest-settings.ts';
import { allManifests } from './manifests.ts';

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
      'ConfigMap',
      'CustomResourceDefinition',
      'Namespace',
      'PrometheusRule',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
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
