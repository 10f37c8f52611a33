/** A control plane for a test file: `const cluster = useControlPlane()` at the top, `cluster().client` in tests and hooks. */

import { type Connection, connect } from '@carpal/kubernetes/api/connect.ts';
import { afterAll, beforeAll, inject } from 'vitest';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { askForControlPlane, type SharedControlPlane } from './shared-control-plane.ts';
import { deleteNamespace, freshNamespace } from './test-objects.ts';

type InUse<Plane> = Plane & {
  /** An administrator's client. */
  readonly client: Connection;
  /** The test file's own namespace, in which pods can be created. */
  readonly namespace: string;
};

/**
 * The control plane of the whole test run, with a namespace that no other test file has. Use `useOwnControlPlane` in a test that adds
 * nodes, breaks the API server or changes cluster-wide objects.
 */
export function useControlPlane(): () => InUse<SharedControlPlane> {
  return useOne(async () => {
    const socket = inject('controlPlaneSocket');
    if (socket === undefined) throw new Error('vitest.config.ts must name testbed/cluster/shared-control-plane.ts as globalSetup');
    return askForControlPlane(socket);
  });
}

/** A control plane for this test file alone, stopped after its last test. It takes about three seconds and 700 MB. */
export function useOwnControlPlane(options: ControlPlaneOptions = {}): () => InUse<ControlPlane> {
  let own: ControlPlane | undefined;
  // Vitest runs afterAll hooks in reverse order, so the namespace is deleted first.
  afterAll(() => own?.stop());
  return useOne(async () => {
    own = await startControlPlane(options);
    return own;
  });
}

function useOne<Plane extends SharedControlPlane>(find: () => Promise<Plane>): () => InUse<Plane> {
  let inUse: InUse<Plane> | undefined;
  beforeAll(async () => {
    const plane = await find();
    const client = await connect({ kubeconfig: plane.kubeconfig });
    inUse = { ...plane, client, namespace: await freshNamespace(client) };
  });
  afterAll(async () => {
    if (inUse === undefined) return;
    await deleteNamespace(inUse.client, inUse.namespace);
    inUse.client.close();
  });
  return () => {
    if (inUse === undefined) throw new Error('the control plane is available in hooks and tests only');
    return inUse;
  };
}
