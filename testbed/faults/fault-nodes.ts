/** Nodes for the fault suite: one with room for all experiments, and pools for the folds that request them. */
import type { ClusterNode } from '../cluster/cluster-node.ts';

const POOL = 'faults/pool';
const capacity = { 'nvidia.com/gpu': '64', cpu: '999', memory: '9Ti', pods: '250' };

const poolNode = (pool: string, index: number): ClusterNode => ({
  name: `${pool}-${index}`,
  labels: { [POOL]: pool },
  taints: [{ key: POOL, value: pool, effect: 'NoSchedule' }],
  capacity: pool === 'small' ? { ...capacity, 'nvidia.com/gpu': '8' } : capacity,
});

/** Each pool has two nodes, one to lose and one for the next attempt. Those of `small` have eight GPUs. */
export const POOLS = ['lost', 'dark', 'silent', 'hush', 'small'] as const;

export const FAULT_NODES: readonly ClusterNode[] = [
  { name: 'gpu-0', capacity },
  ...POOLS.flatMap((pool) => [poolNode(pool, 0), poolNode(pool, 1)]),
];

/** The placement of folds on the nodes of a pool. */
export const onPool = (pool: (typeof POOLS)[number]): object => ({
  nodeSelector: { [POOL]: pool },
  tolerations: [{ key: POOL, operator: 'Exists', effect: 'NoSchedule' }],
});
