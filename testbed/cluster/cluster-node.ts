/** Nodes as objects of the API server: the node, its Ready condition and its lease. */
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { microTime } from '@carpal/kubernetes/api/objects.ts';
import { LEASES, NODES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { apiTime } from './kubelet-pod.ts';

export type ClusterNode = {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `cpu`, `memory`, `nvidia.com/gpu`, … Whatever is missing is plentiful, except for GPUs: default 0. */
  readonly capacity?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** How far its clock is ahead of the true time; negative: behind. The times of its pods are then wrong. */
  readonly clockAheadMs?: number;
};

const LEASE_NAMESPACE = 'kube-node-lease';
const PLENTY = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '99Ti', pods: '250' };

const capacityOf = ({ capacity }: ClusterNode): Readonly<Record<string, string>> => ({ ...PLENTY, ...capacity });

export type Heartbeat = {
  readonly now: Date;
  readonly readySince: Date;
  /** The port at which `kubectl logs` finds the kubelet. */
  readonly kubeletPort?: number | undefined;
};

function readyStatus(node: ClusterNode, { now, readySince, kubeletPort }: Heartbeat): object {
  return {
    capacity: capacityOf(node),
    allocatable: capacityOf(node),
    addresses: [
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: node.name },
    ],
    ...(kubeletPort === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } } }),
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'kubelet is posting ready status',
        lastHeartbeatTime: apiTime(now),
        lastTransitionTime: apiTime(readySince),
      },
    ],
  };
}

/** Creates the node's object or updates an existing one. Heartbeats keep it ready; see {@link beat}. */
export async function registerNode(client: KubernetesClient, node: ClusterNode): Promise<void> {
  const { name, labels, annotations, taints = [] } = node;
  const metadata = {
    name,
    labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', ...labels },
    annotations: { ...annotations },
  };
  const status = { capacity: capacityOf(node), allocatable: capacityOf(node) };
  try {
    await client.request({ method: 'POST', path: resourcePath(NODES), body: { metadata, spec: { taints }, status } });
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    await client.request({ method: 'PATCH', path: resourcePath(NODES, { name }), body: { metadata } });
  }
}

/**
 * One heartbeat: renews the lease and reports Ready again, which a node that was considered lost needs. Does nothing if the node is gone.
 */
export async function beat(client: KubernetesClient, node: ClusterNode, heartbeat: Heartbeat): Promise<void> {
  const { name } = node;
  try {
    await client.request({
      method: 'PATCH',
      path: resourcePath(NODES, { name, subresource: 'status' }),
      body: { status: readyStatus(node, heartbeat) },
    });
  } catch (error) {
    if (isStatus(error, 404)) return;
    throw error;
  }
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime(heartbeat.now) };
  const path = resourcePath(LEASES, { namespace: LEASE_NAMESPACE, name });
  try {
    await client.request({ method: 'PATCH', path, body: { spec } });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    await client.request({
      method: 'POST',
      path: resourcePath(LEASES, { namespace: LEASE_NAMESPACE }),
      body: { metadata: { name }, spec },
    });
  }
}

/** Deletes the node's object, as a cloud does when the machine is gone. */
export async function deleteNode(client: KubernetesClient, name: string): Promise<void> {
  await client.request({ method: 'DELETE', path: resourcePath(NODES, { name }) });
}

/** Deletes the node's lease, so that another kubelet does not have to wait until it expires. */
export async function deleteLease(client: KubernetesClient, name: string): Promise<void> {
  try {
    await client.request({ method: 'DELETE', path: resourcePath(LEASES, { namespace: LEASE_NAMESPACE, name }) });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}
