/** Queues of Kueue for tests and for `make cluster`. */

import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { apply } from './kueue.ts';
import { resourceOf } from './kueue-manifests.ts';
import { waitFor } from './wait-for.ts';

const API_VERSION = 'kueue.x-k8s.io/v1beta2';
export const CLUSTER_QUEUES = resourceOf({ apiVersion: API_VERSION, kind: 'ClusterQueue' });
const LOCAL_QUEUES = resourceOf({ apiVersion: API_VERSION, kind: 'LocalQueue' });
export const WORKLOADS = resourceOf({ apiVersion: API_VERSION, kind: 'Workload' });

export type QueueOptions = {
  /** The name of the LocalQueue. */
  readonly name: string;
  /** Default: as the LocalQueue. */
  readonly clusterQueue?: string;
  readonly namespace: string;
  /** How many GPUs the queue gives to all its Jobs together. */
  readonly gpus: number;
  /** What else it gives. Default: plenty of CPU, memory and disk. */
  readonly others?: Readonly<Record<string, string>>;
};

const FLAVOR: KubernetesObject = { apiVersion: API_VERSION, kind: 'ResourceFlavor', metadata: { name: 'default' } };

const PLENTY: Readonly<Record<string, string>> = { cpu: '640', memory: '4Ti', 'ephemeral-storage': '4Ti' };

/** Makes a LocalQueue with a ClusterQueue of its own, in which a Job of higher priority preempts others. It is active when this returns. */
export async function createQueue(
  client: KubernetesClient,
  { name, clusterQueue = name, namespace, gpus, others = PLENTY }: QueueOptions,
): Promise<void> {
  const quotas: Readonly<Record<string, string>> = { ...others, 'nvidia.com/gpu': String(gpus) };
  const spec = {
    namespaceSelector: {},
    queueingStrategy: 'BestEffortFIFO',
    preemption: { withinClusterQueue: 'LowerPriority' },
    resourceGroups: [
      {
        coveredResources: Object.keys(quotas),
        flavors: [
          {
            name: 'default',
            resources: Object.entries(quotas).map(([resourceName, nominalQuota]) => ({ name: resourceName, nominalQuota })),
          },
        ],
      },
    ],
  };
  await apply(client, FLAVOR);
  await apply(client, { apiVersion: API_VERSION, kind: 'ClusterQueue', metadata: { name: clusterQueue }, ...{ spec } });
  await createLocalQueue(client, { name, namespace, clusterQueue });
}

/** Makes a LocalQueue of an existing ClusterQueue. It is active when this returns. */
export async function createLocalQueue(
  client: KubernetesClient,
  { name, namespace, clusterQueue }: { readonly name: string; readonly namespace: string; readonly clusterQueue: string },
): Promise<void> {
  await apply(client, { apiVersion: API_VERSION, kind: 'LocalQueue', metadata: { name, namespace }, ...{ spec: { clusterQueue } } });
  await waitFor<WithConditions>(client, resourcePath(LOCAL_QUEUES, { namespace, name }), isActive);
}

/** Makes a WorkloadPriorityClass. A higher value preempts. */
export async function createPriority(client: KubernetesClient, name: string, value: number): Promise<void> {
  await apply(client, { apiVersion: API_VERSION, kind: 'WorkloadPriorityClass', metadata: { name }, ...{ value } });
}

type WithConditions = KubernetesObject & { readonly status?: { readonly conditions?: readonly ObjectCondition[] } };

function isActive({ status }: WithConditions): boolean {
  return (status?.conditions ?? []).some(({ type, status: value }) => type === 'Active' && value === 'True');
}
