/** The Lease that replicas compete for, and whether it is free. */
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

/** What was last seen of a Lease, and when on this machine's own clock: clocks of other machines are never compared. */
export type LeaseSighting = { readonly version: string | undefined; readonly changedAtMs: number };

/** The sighting after `lease` was read: a Lease that has not changed was last changed when it was first seen so. */
export function sight(before: LeaseSighting | undefined, lease: Lease, nowMs: number): LeaseSighting {
  const version = lease.metadata.resourceVersion;
  return before !== undefined && before.version === version ? before : { version, changedAtMs: nowMs };
}

/** Whether `identity` may take the Lease: nobody holds it, or its holder has let it stand still for longer than it said it would. */
export function mayTake(lease: Lease, seen: LeaseSighting, identity: string, nowMs: number, leaseMs: number): boolean {
  const holder = lease.spec?.holderIdentity ?? '';
  const promisedMs = lease.spec?.leaseDurationSeconds === undefined ? leaseMs : lease.spec.leaseDurationSeconds * 1000;
  return holder === '' || holder === identity || nowMs - seen.changedAtMs > promisedMs;
}

type Holding = { readonly namespace: string; readonly name: string; readonly identity: string; readonly leaseMs: number };

/** The Lease to write in order to hold it from `date` on. Of the one there it keeps what a renewal keeps. */
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

/** The Lease to write in order to let go of it: the next replica need not wait. */
export function releasedLease(held: Lease, date: Date): Lease {
  return { ...held, spec: { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(date) } };
}
