import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Kueue, startKueue } from './kueue.ts';
import { createQueue } from './kueue-queues.ts';
import { useOwnControlPlane } from './use-control-plane.ts';
import { waitFor } from './wait-for.ts';

const cluster = useOwnControlPlane();
let kueue: Kueue;
beforeAll(async () => {
  kueue = await startKueue({ client: cluster().client, controlPlane: cluster() });
});
afterAll(() => kueue?.stop());

it('Kueue releases a Job if its queue has room for it, and holds the next one', async () => {
  const { client, namespace } = cluster();
  await createQueue(client, { name: 'team', namespace, gpus: 1 });
  const resources = { limits: { 'nvidia.com/gpu': '1' } };
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'none', resources }] } };
  const post = (name: string): Promise<Job> =>
    client.request<Job>({
      method: 'POST',
      path: resourcePath(JOBS, { namespace }),
      body: { metadata: { name, labels: { 'kueue.x-k8s.io/queue-name': 'team' } }, spec: { suspend: true, template } },
    });
  await post('first');
  await waitFor<Job>(client, resourcePath(JOBS, { namespace, name: 'first' }), ({ spec }) => spec.suspend === false);
  await post('second');
  await waitFor<{ items: { status?: { conditions?: { message: string }[] } }[] }>(
    client,
    `/apis/kueue.x-k8s.io/v1beta2/namespaces/${namespace}/workloads`,
    ({ items }) =>
      items.some(({ status }) => (status?.conditions ?? []).some(({ message }) => message.includes('insufficient unused quota'))),
  );
  expect((await client.request<Job>({ method: 'GET', path: resourcePath(JOBS, { namespace, name: 'second' }) })).spec.suspend).toBe(true);
});
