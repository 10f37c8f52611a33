/** Kueue's Workload, one for each Job that Kueue manages, reduced to the fields that are read. */
import type { KubernetesObject, ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import type { Resource } from '@carpal/kubernetes/api/resource-path.ts';

export const KUEUE_GROUP = 'kueue.x-k8s.io';

export type Workload = KubernetesObject & {
  readonly spec: { readonly active?: boolean; readonly queueName?: string; readonly priority?: number };
  readonly status?: { readonly conditions?: readonly ObjectCondition[] };
};

export const workloadsOf = (version: string): Resource => ({ group: KUEUE_GROUP, version, plural: 'workloads' });

/** The condition of that type if it has that value. */
export function workloadCondition({ status }: Workload, type: string, value: ObjectCondition['status']): ObjectCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type && condition.status === value);
}

/** Whether Kueue keeps it in a queue: it has neither ended nor been deactivated, and it has no quota. */
export function isPending(workload: Workload): boolean {
  const has = (type: string): boolean => workloadCondition(workload, type, 'True') !== undefined;
  return workload.spec.active !== false && workload.metadata.deletionTimestamp === undefined && !has('Finished') && !has('QuotaReserved');
}
