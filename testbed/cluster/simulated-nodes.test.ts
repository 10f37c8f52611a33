import type { Job, ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { identify, isAlive } from '@carpal/operator/local/process-identity.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alikeNodes, type SimulatedNodes, startSimulatedNodes } from './simulated-nodes.ts';
import { useOwnControlPlane } from './use-control-plane.ts';
import { waitFor } from './wait-for.ts';

const JOB_COUNT = 20;
const cluster = useOwnControlPlane({ forLoad: true });
let simulated: SimulatedNodes;

beforeAll(async () => {
  const { client, kubeconfig } = cluster();
  const nodes = alikeNodes('gpu', 4, { capacity: { 'nvidia.com/gpu': '8' } });
  simulated = await startSimulatedNodes({ client, kubeconfig, nodes, run: { runMs: [50, 200] } });
});
afterAll(() => simulated?.stop());

async function startJob(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
  const { client, namespace } = cluster();
  const containers = [{ name: 'main', image: 'none', resources: { limits: { 'nvidia.com/gpu': '1' } } }];
  const template = { metadata: { annotations }, spec: { restartPolicy: 'Never', containers } };
  await client.request({ method: 'POST', path: resourcePath(JOBS, { namespace }), body: { metadata: { name }, spec: { template } } });
}

const isComplete = ({ status }: Job): boolean => (status?.conditions ?? []).some(({ type }) => type === 'Complete');

describe('simulated nodes', () => {
  it('bring Jobs with GPUs to Complete', async () => {
    const { client, namespace } = cluster();
    await Promise.all(Array.from({ length: JOB_COUNT }, (_, index) => startJob(`job-${index}`)));
    const jobs = await waitFor<ObjectList<Job>>(client, resourcePath(JOBS, { namespace }), ({ items }) => items.every(isComplete));
    expect(jobs.items).toHaveLength(JOB_COUNT);
    const { items } = await client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(PODS, { namespace }) });
    expect(items.map(({ status }) => status?.containerStatuses?.[0]?.state?.terminated?.exitCode)).toEqual(Array(JOB_COUNT).fill(0));
    expect(items.every(({ spec }) => spec.nodeName?.startsWith('gpu-'))).toBe(true);
  });

  it('end a deleted pod as failed', async () => {
    const { client, namespace } = cluster();
    await startJob('long', { 'pod-complete.stage.kwok.x-k8s.io/delay': '300s' });
    const query = { labelSelector: 'batch.kubernetes.io/job-name=long' };
    const path = resourcePath(PODS, { namespace });
    const isRunning = ({ status }: Pod): boolean => status?.phase === 'Running';
    const { items } = await waitFor<ObjectList<Pod>>(client, path, (list) => list.items.some(isRunning), query);
    await client.request({ method: 'DELETE', path: resourcePath(PODS, { namespace, name: items[0]?.metadata.name ?? '' }) });
    const job = await waitFor<Job>(client, resourcePath(JOBS, { namespace, name: 'long' }), ({ status }) => status?.failed === 1);
    expect(job.status?.failed).toBe(1);
  });

  it('end with their program', async () => {
    const kwok = identify(simulated.pid);
    expect(isAlive(kwok)).toBe(true);
    await simulated.stop();
    expect(isAlive(kwok)).toBe(false);
  });

  it('let pods fail if configured', async () => {
    const { client, kubeconfig, namespace } = cluster();
    const run = { runMs: 50, failures: { percent: 100, exitCode: 69 } };
    simulated = await startSimulatedNodes({ client, kubeconfig, nodes: alikeNodes('gpu', 4), run });
    await simulated.addNode({ name: 'late', capacity: { 'nvidia.com/gpu': '64' } });
    await startJob('unlucky');
    const query = { labelSelector: 'batch.kubernetes.io/job-name=unlucky' };
    const hasFailed = ({ status }: Pod): boolean => status?.phase === 'Failed';
    const path = resourcePath(PODS, { namespace });
    const { items } = await waitFor<ObjectList<Pod>>(client, path, (list) => list.items.some(hasFailed), query);
    expect(items.find(hasFailed)?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 69, reason: 'Error' });
  });
});
