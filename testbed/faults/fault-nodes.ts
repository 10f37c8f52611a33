/** Nodes for the fault suite: one with room for all experiments, and pools for the folds that request them. */
import type { ClusterNode } from '../cluster/cluster-node.ts';

const POOL = 'faults/pool';
const capacity = { 'nvidia.com/gpu': '64', cpu: '999', memory: '9Ti', pods: '250' };

const HOURS_MS = 3_600_000;
const poolNode = (pool: Pool, index: number): ClusterNode => ({
  name: `${pool}-${index}`,
  labels: { [POOL]: pool },
  taints: [{ key: POOL, value: pool, effect: 'NoSchedule' }],
  capacity: { ...capacity, 'nvidia.com/gpu': GPUS[pool] ?? '64' },
  clockAheadMs: CLOCK_AHEAD_MS[pool] ?? 0,
});

/** Each pool has two nodes, one to lose and one for the next attempt; `single` and `scarce` have one. */
export const POOLS = ['lost', 'dark', 'silent', 'hush', 'small', 'single', 'scarce', 'ahead', 'behind'] as const;
type Pool = (typeof POOLS)[number];

/** The GPUs of each node of a pool. */
const GPUS: Partial<Record<Pool, string>> = { small: '8', single: '1' };
/** Pools whose clocks are wrong. */
const CLOCK_AHEAD_MS: Partial<Record<Pool, number>> = { ahead: 3 * HOURS_MS, behind: -3 * HOURS_MS };
const isSingle = (pool: Pool): boolean => pool === 'single' || pool === 'scarce';

export const FAULT_NODES: readonly ClusterNode[] = [
  { name: 'gpu-0', capacity },
  ...POOLS.flatMap((pool) => (isSingle(pool) ? [poolNode(pool, 0)] : [poolNode(pool, 0), poolNode(pool, 1)])),
];

/** The placement of folds on the nodes of a pool. */
export const onPool = (pool: Pool): object => ({
  nodeSelector: { [POOL]: pool },
  tolerations: [{ key: POOL, operator: 'Exists', effect: 'NoSchedule' }],
});
