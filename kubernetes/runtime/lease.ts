/** The Lease that replicas compete for. */
import type { KubernetesObject } from '../api/objects.ts';
import { microTime } from '../api/objects.ts';

export type Lease = KubernetesObject & {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
};

/** The last seen version of a Lease, and when it appeared on this machine's own clock. Clocks of different machines are never compared. */
export type LeaseSighting = { readonly version: string | undefined; readonly changedAtMs: number };

/** The sighting after `lease` was read. A Lease with the same version keeps the earlier time. */
export function sight(before: LeaseSighting | undefined, lease: Lease, nowMs: number): LeaseSighting {
  const version = lease.metadata.resourceVersion;
  return before !== undefined && before.version === version ? before : { version, changedAtMs: nowMs };
}

/** Whether `identity` may take the Lease: it has no holder, or its holder has not renewed it for longer than the promised duration. */
export function mayTake(lease: Lease, seen: LeaseSighting, identity: string, nowMs: number, leaseMs: number): boolean {
  const holder = lease.spec?.holderIdentity ?? '';
  const promisedMs = lease.spec?.leaseDurationSeconds === undefined ? leaseMs : lease.spec.leaseDurationSeconds * 1000;
  return holder === '' || holder === identity || nowMs - seen.changedAtMs > promisedMs;
}

type Holding = { readonly namespace: string; readonly name: string; readonly identity: string; readonly leaseMs: number };

/** The Lease to write in order to hold it from `date` on. A renewal keeps the acquire time and the number of transitions. */
export function heldLease({ namespace, name, identity, leaseMs }: Holding, before: Lease | undefined, date: Date): Lease {
  const time = microTime(date);
  const same = before?.spec?.holderIdentity === identity;
  const transitions = before?.spec?.leaseTransitions ?? 0;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: before?.metadata ?? { name, namespace },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: same ? (before.spec?.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: same || before === undefined ? transitions : transitions + 1,
    },
  };
}

/** The Lease to write in order to release it, so that the next replica does not have to wait. */
export function releasedLease(held: Lease, date: Date): Lease {
  return { ...held, spec: { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(date) } };
}
