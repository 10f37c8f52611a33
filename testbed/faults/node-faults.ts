/** What happens to folds whose node is lost, loses power, or cannot be reached for a while. */

import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { NODES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { expectCorrectEnd } from './expect-correct-end.ts';
import { onPool } from './fault-nodes.ts';
import type { FaultWorld } from './fault-world.ts';
import { gate, runningPod } from './pod-faults.ts';

type NodeObject = KubernetesObject & {
  readonly spec: { readonly taints?: readonly object[] };
};

const twoFolds = { dataset: { uri: '/data', split: { folds: 2 } } };

/** The node on which fold 1 runs, once fold 0 has succeeded. */
async function nodeOf(world: FaultWorld, name: string): Promise<string> {
  await world.until(name, ({ status }) => status?.folds?.find(({ index }) => index === 0)?.state === 'Succeeded');
  return runsOn(world, `${name}-fold-1-1`);
}

/** The node on which the Job's pod runs. */
async function runsOn(world: FaultWorld, job: string): Promise<string> {
  const { name } = await runningPod(world, job);
  return world.pods.get(`${world.namespace}/${name}`)?.spec.nodeName ?? '';
}

/** The control plane has evicted the pod, which still exists because its end is unknown. */
const isGivenUp = (world: FaultWorld, job: string): boolean =>
  world.pods.list().some(({ metadata }) => metadata.name.startsWith(`${job}-`) && metadata.deletionTimestamp !== undefined);

/** Adds the taint by which an administrator declares that a machine is off. */
async function declareOutOfService({ client }: FaultWorld, name: string): Promise<void> {
  const path = resourcePath(NODES, { name });
  const { spec } = await client.request<NodeObject>({ method: 'GET', path });
  const taint = { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' };
  await client.request({ method: 'PATCH', path, body: { spec: { taints: [...(spec.taints ?? []), taint] } } });
}

export function nodeFaults(world: () => FaultWorld): void {
  describe.concurrent('a node', () => {
    it('that is deleted disrupts its folds, which continue on another node', async () => {
      await world().begin('node-lost', { ...twoFolds, placement: onPool('lost') }, ({ fold, attempt }) =>
        fold === 1 && attempt === 1 ? gate().script : {},
      );
      const node = await nodeOf(world(), 'node-lost');
      await world().kubelet.removeMachine(node);
      await expectCorrectEnd(world(), 'node-lost', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
      const nodes = world()
        .runs.filter(({ experiment, fold }) => experiment === 'node-lost' && fold === 1)
        .map((run) => run.node);
      expect(nodes).toEqual([node, expect.not.stringMatching(`^${node}$`)]);
    });

    it('that loses power keeps its fold pending until it is declared out of service; only then a second pod may write', async () => {
      await world().begin('node-dark', { ...twoFolds, placement: onPool('dark') }, ({ fold, attempt }) =>
        fold === 1 && attempt === 1 ? gate().script : {},
      );
      const node = await nodeOf(world(), 'node-dark');
      await world().kubelet.powerOff(node);
      await world().eventually('the eviction of the pod', () => isGivenUp(world(), 'node-dark-fold-1-1'));
      expect((await world().read('node-dark')).status?.folds[1]).toMatchObject({ attempts: 1, disruptions: 0, failures: 0 });
      await declareOutOfService(world(), node);
      await expectCorrectEnd(world(), 'node-dark', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });

    it('that is unreachable until its pods are evicted stops them when it returns, and the fold was disrupted', async () => {
      await world().begin('node-silent', { ...twoFolds, placement: onPool('silent') }, ({ fold, attempt }) =>
        fold === 1 && attempt === 1 ? gate().script : {},
      );
      const node = await nodeOf(world(), 'node-silent');
      world().kubelet.disconnect(node);
      await world().eventually('the eviction of the pod', () => isGivenUp(world(), 'node-silent-fold-1-1'));
      expect((await world().read('node-silent')).status?.folds[1]?.attempts).toBe(1);
      world().kubelet.reconnect(node);
      await expectCorrectEnd(world(), 'node-silent', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });

    it('that is unreachable for a moment while its fold ends costs nothing', async () => {
      const held = gate();
      await world().begin('node-hush', { ...twoFolds, placement: onPool('hush') }, ({ fold }) => (fold === 1 ? held.script : {}));
      const node = await nodeOf(world(), 'node-hush');
      world().kubelet.disconnect(node);
      held.open();
      await world().eventually('the end of the container of fold 1', () =>
        world().runs.some(({ experiment, fold, endedMs }) => experiment === 'node-hush' && fold === 1 && endedMs !== undefined),
      );
      world().kubelet.reconnect(node);
      await expectCorrectEnd(world(), 'node-hush', { state: 'Complete' });
    });
  });
}
