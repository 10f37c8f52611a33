import type { Job, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, resourcePath, SECRETS } from '@carpal/kubernetes/api/resource-path.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostProcess } from './host-process.ts';
import type { KubeletPod } from './kubelet-pod.ts';
import { type ProcessKubelet, startProcessKubelet } from './process-kubelet.ts';
import { OUT_OF_MEMORY, type PodScript, scripted } from './scripted-pod.ts';
import { useOwnControlPlane } from './use-control-plane.ts';
import { waitFor } from './wait-for.ts';

const cluster = useOwnControlPlane();
const scripts = new Map<string, PodScript>();
let kubelet: ProcessKubelet;

beforeAll(async () => {
  const { client } = cluster();
  const processes = hostProcess({ client, program: ['sh'] });
  const script = scripted((pod) => scripts.get(jobOf(pod)) ?? {});
  kubelet = await startProcessKubelet({
    client,
    nodes: [
      { name: 'one', labels: { pool: 'steady' }, capacity: { 'nvidia.com/gpu': '2' } },
      { name: 'two', labels: { pool: 'faulty' } },
    ],
    run: (pod, control) => (scripts.has(jobOf(pod)) ? script(pod, control) : processes(pod, control)),
    imageFault: (image) => (image.startsWith('missing') ? 'manifest unknown' : undefined),
  });
});
afterAll(() => kubelet?.stop());

const jobOf = (pod: KubeletPod): string => pod.metadata.labels?.['batch.kubernetes.io/job-name'] ?? '';

/** Keeps a deleted pod, so that the test can read it. */
const KEPT = { finalizers: ['carpal.dev/test'] };

type PodPart = { readonly metadata?: object; readonly pod?: Record<string, unknown>; readonly container?: Record<string, unknown> };

/** Starts a Job with one pod and without retries. */
async function startJob(name: string, args: readonly string[], { metadata, pod, container }: PodPart = {}): Promise<void> {
  const { client, namespace } = cluster();
  const containers = [{ name: 'main', image: 'shell', args, terminationMessagePolicy: 'FallbackToLogsOnError', ...container }];
  const template = { metadata, spec: { restartPolicy: 'Never', nodeSelector: { pool: 'steady' }, containers, ...pod } };
  await client.request({
    method: 'POST',
    path: resourcePath(JOBS, { namespace }),
    body: { metadata: { name }, spec: { backoffLimit: 0, template } },
  });
}

const jobCondition = (name: string, type: string): Promise<Job> => {
  const { client, namespace } = cluster();
  return waitFor<Job>(client, resourcePath(JOBS, { namespace, name }), (job) =>
    (job.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True'),
  );
};

const podsOf = async (job: string): Promise<readonly Pod[]> => {
  const { client, namespace } = cluster();
  const query = { labelSelector: `batch.kubernetes.io/job-name=${job}` };
  return (await client.request<{ items: Pod[] }>({ method: 'GET', path: resourcePath(PODS, { namespace }), query })).items;
};

const endOf = (pod: Pod | undefined): unknown => pod?.status?.containerStatuses?.[0]?.state?.terminated;

/** The Job's pod, once `isSo` returns true for it. */
async function podOf(job: string, isSo: (pod: Pod) => boolean): Promise<Pod> {
  const { client, namespace } = cluster();
  const list = await waitFor<{ items: Pod[] }>(client, resourcePath(PODS, { namespace }), ({ items }) => items.some(isSo), {
    labelSelector: `batch.kubernetes.io/job-name=${job}`,
  });
  return list.items.find(isSo) as Pod;
}

const isRunning = ({ status }: Pod): boolean => status?.phase === 'Running';
const waitingReason = ({ status }: Pod): string | undefined => status?.containerStatuses?.[0]?.state?.waiting?.reason;

describe('a pod that runs as a process', () => {
  it('brings its Job to Complete', async () => {
    await startJob('well', ['-c', 'exit 0']);
    await jobCondition('well', 'Complete');
    const [pod] = await podsOf('well');
    expect(pod?.status?.phase).toBe('Succeeded');
    expect(pod?.spec.nodeName).toBe('one');
    expect(endOf(pod)).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  it('that fails brings its Job to Failed, with its exit code and the end of its log', async () => {
    await startJob('badly', ['-c', 'echo begun; echo "no such folder" >&2; exit 3']);
    await jobCondition('badly', 'Failed');
    const [pod] = await podsOf('badly');
    expect(pod?.status?.phase).toBe('Failed');
    expect(endOf(pod)).toMatchObject({ exitCode: 3, reason: 'Error', message: 'begun\nno such folder\n' });
  });

  it('gets its ConfigMap, Secret, scratch folder and variables as the manifest says', async () => {
    const { client, namespace } = cluster();
    await client.request({
      method: 'POST',
      path: resourcePath(CONFIG_MAPS, { namespace }),
      body: { metadata: { name: 'spec' }, data: { 'experiment.json': '{"folds":5}' } },
    });
    await client.request({
      method: 'POST',
      path: resourcePath(SECRETS, { namespace }),
      body: { metadata: { name: 'store' }, stringData: { ACCESS_KEY: 'open-sesame' } },
    });
    const script = 'cp /etc/carpal/experiment.json "$HOME/copy" && cat "$HOME/copy" && echo "$ACCESS_KEY $NODE $0" && exit 9';
    await startJob('inputs', ['-c', script, '$(NODE)-expanded'], {
      pod: {
        volumes: [
          { name: 'spec', configMap: { name: 'spec' } },
          { name: 'home', emptyDir: {} },
        ],
      },
      container: {
        envFrom: [{ secretRef: { name: 'store' } }],
        env: [
          { name: 'HOME', value: '/home/carpal' },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        volumeMounts: [
          { name: 'spec', mountPath: '/etc/carpal', readOnly: true },
          { name: 'home', mountPath: '/home/carpal' },
        ],
      },
    });
    await jobCondition('inputs', 'Failed');
    expect(endOf((await podsOf('inputs'))[0])).toMatchObject({ exitCode: 9, message: '{"folds":5}open-sesame one one-expanded\n' });
  });

  it('that is deleted gets SIGTERM and reports how it ended before it disappears', async () => {
    const { client, namespace } = cluster();
    await startJob('stopped', ['-c', 'trap "echo saved; exit 75" TERM; echo up; while :; do sleep 0.05; done'], { metadata: KEPT });
    const { metadata } = await podOf('stopped', isRunning);
    await client.request({ method: 'DELETE', path: resourcePath(PODS, { namespace, name: metadata.name }) });
    const pod = await podOf('stopped', ({ status }) => status?.phase === 'Failed');
    expect(endOf(pod)).toMatchObject({ exitCode: 75 });
  });

  it('that needs a Secret that does not exist waits and reports which one', async () => {
    await startJob('wanting', ['-c', 'exit 0'], { container: { envFrom: [{ secretRef: { name: 'nowhere' } }] } });
    const pod = await podOf('wanting', (one) => waitingReason(one) === 'CreateContainerConfigError');
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('nowhere');
  });
});

describe('a scripted pod', () => {
  it('is killed when it runs out of memory', async () => {
    scripts.set('hungry', OUT_OF_MEMORY);
    await startJob('hungry', []);
    await jobCondition('hungry', 'Failed');
    expect(endOf((await podsOf('hungry'))[0])).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
  });

  it('that ignores SIGTERM is killed after its grace period', async () => {
    const { client, namespace } = cluster();
    scripts.set('deaf', { until: new Promise(() => undefined), onStop: 'ignore' });
    await startJob('deaf', [], { metadata: KEPT, pod: { terminationGracePeriodSeconds: 1 } });
    const { metadata } = await podOf('deaf', isRunning);
    await client.request({ method: 'DELETE', path: resourcePath(PODS, { namespace, name: metadata.name }) });
    const pod = await podOf('deaf', ({ status }) => status?.phase === 'Failed');
    expect(endOf(pod)).toMatchObject({ exitCode: 137 });
  });

  it('waits for an image that does not exist', async () => {
    scripts.set('no-image', {});
    await startJob('no-image', [], { container: { image: 'missing:1' } });
    const pod = await podOf('no-image', (one) => waitingReason(one) === 'ImagePullBackOff');
    expect(pod.status?.phase).toBe('Pending');
  });

  it.each([
    ['with DisruptionTarget when the node runs out of memory', true],
    ['without DisruptionTarget when it uses more disk than its limit', false],
  ])('is evicted %s', async (_, disruptionTarget) => {
    const { namespace } = cluster();
    const name = `evicted-${disruptionTarget}`;
    scripts.set(name, { until: new Promise(() => undefined) });
    await startJob(name, []);
    const { metadata } = await podOf(name, isRunning);
    kubelet.evict(namespace, metadata.name, { disruptionTarget });
    await jobCondition(name, 'Failed');
    const [pod] = await podsOf(name);
    expect(pod?.status?.reason).toBe('Evicted');
    expect((pod?.status?.conditions ?? []).some(({ type }) => type === 'DisruptionTarget')).toBe(disruptionTarget);
  });
});

describe('a node', () => {
  it('with GPUs runs only as many pods as it has GPUs for', async () => {
    const gpu = { resources: { limits: { 'nvidia.com/gpu': '2' } } };
    scripts.set('greedy', { until: new Promise(() => undefined) });
    scripts.set('late', {});
    await startJob('greedy', [], { container: gpu });
    await podOf('greedy', isRunning);
    await startJob('late', [], { container: gpu });
    const pod = await podOf('late', ({ status }) => (status?.conditions ?? []).some(({ reason }) => reason === 'Unschedulable'));
    expect(pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message).toContain('nvidia.com/gpu');
  });

  it('whose network was cut reports afterwards what happened meanwhile', async () => {
    const ending = Promise.withResolvers<void>();
    scripts.set('unheard', { until: ending.promise, exitCode: 4 });
    await startJob('unheard', [], { pod: { nodeSelector: { pool: 'faulty' } } });
    await podOf('unheard', isRunning);
    kubelet.disconnect('two');
    ending.resolve();
    await cluster().restartApiServer();
    expect((await podsOf('unheard'))[0]?.status?.phase).toBe('Running');
    kubelet.reconnect('two');
    await jobCondition('unheard', 'Failed');
    expect(endOf((await podsOf('unheard'))[0])).toMatchObject({ exitCode: 4 });
  });

  it('that is removed leaves pods that never end by themselves', async () => {
    const { client, namespace } = cluster();
    scripts.set('lost', { until: new Promise(() => undefined) });
    await startJob('lost', [], { pod: { nodeSelector: { pool: 'faulty' } } });
    const { metadata } = await podOf('lost', isRunning);
    await kubelet.removeMachine('two');
    const pod = await client.request<Pod>({ method: 'GET', path: resourcePath(PODS, { namespace, name: metadata.name }) });
    expect(pod.status?.phase).toBe('Running');
    expect(kubelet.pods().map(({ metadata: { name } }) => name)).toContain(metadata.name);
  });
});
