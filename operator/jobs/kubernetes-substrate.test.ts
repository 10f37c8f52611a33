import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { EXPERIMENTS, LABEL } from '@carpal/configs/names.ts';
import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { Job, KubernetesObject, ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, NAMESPACES, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createReflector } from '@carpal/kubernetes/runtime/reflector.ts';
import type { Reflector } from '@carpal/kubernetes/runtime/reflector-types.ts';
import { freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { useControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { disruptionTarget, time } from '@carpal/testbed/operator/attempt-objects.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { outcomeOf } from '../experiment/retry-policy.ts';
import { attemptName } from '../experiment/stage.ts';
import { checkStageSettings } from './check-settings.ts';
import { jobManifest } from './job-manifest.ts';
import { type KeptJob, type KeptPod, keepJob, keepPod } from './kept-objects.ts';
import { createKubernetesSubstrate, type KubernetesSubstrate } from './kubernetes-substrate.ts';
import { experimentUidOf } from './ownership.ts';
import { createMissingPodReason } from './pending-reason.ts';
import { stageSettings } from './stage-settings.ts';

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const IMAGE = 'example.org/carpal@sha256:4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865';
/** Service accounts are not tested here: every namespace has this one. */
const settings = stageSettings({ image: IMAGE, artifactsUri: 's3://artifacts/carpal', defaultServiceAccountName: 'default' });
/** As if the status recorded every attempt as started. */
const started = (): number => 9;
const now = (): Date => new Date();

const cluster = useControlPlane();
const stop = new AbortController();
let jobs: Reflector<Job, KeptJob>;
let pods: Reflector<Pod, KeptPod>;
/** Pod Security "restricted" is enforced, so a pod that violates it is never created. */
let namespace: string;

/** Waits until `look` returns something. */
async function found<Found>(what: string, look: () => Promise<Found | undefined> | Found | undefined): Promise<Found> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 25) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await pause(25);
  }
  throw new Error(`not found in time: ${what}`);
}

beforeAll(async () => {
  const { client } = cluster();
  namespace = await freshNamespace(client, {
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  });
  await client.request({ method: 'POST', path: resourcePath(CRDS), body: experimentCrd() }).catch((error) => {
    if (!isStatus(error, 409)) throw error;
  });
  await found('the resource is served', () => client.request({ method: 'GET', path: resourcePath(EXPERIMENTS) }).catch(() => undefined));
  const common = {
    client,
    query: { labelSelector: LABEL.experimentUid },
    indexBy: experimentUidOf,
    onChange: () => undefined,
    random: Math.random,
  };
  jobs = createReflector<Job, KeptJob>({ ...common, path: resourcePath(JOBS), keep: keepJob });
  pods = createReflector<Pod, KeptPod>({ ...common, path: resourcePath(PODS), keep: keepPod });
  void jobs.run(stop.signal);
  void pods.run(stop.signal);
  await Promise.all([jobs.synced, pods.synced]);
});
afterAll(() => stop.abort());

type World = {
  readonly experiment: SegmentationExperiment;
  readonly substrate: KubernetesSubstrate;
  runOf(name: string): Promise<StageRun | undefined>;
};

/** An experiment on the API server, and its substrate. */
async function world(name: string, placement: object = {}, within = namespace): Promise<World> {
  const { client } = cluster();
  const written = {
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name, namespace: within },
    spec: { dataset: { uri: 's3://data/hand-bones' }, model: { name: 'UNet' }, placement },
  };
  const path = resourcePath(EXPERIMENTS, { namespace: within });
  const { metadata } = await client.request<KubernetesObject>({ method: 'POST', path, body: written });
  const experiment = experimentSchema.parse({ ...written, metadata: { name, namespace: within, uid: metadata.uid } });
  const substrate = createKubernetesSubstrate({ client, jobs, pods, experiment, settings, started, now });
  return { experiment, substrate, runOf: async (run) => (await substrate.observe()).find((one) => one.name === run) };
}

const start = (experiment: string, key: StageKey, attempt = 1): PlannedStart => ({
  ...key,
  attempt,
  name: attemptName(experiment, key, attempt),
});
const FOLD: StageKey = { stage: 'fold', fold: 0 };

async function podOf(name: string): Promise<Pod> {
  const { client } = cluster();
  return await found(`a pod of ${name}`, async () => {
    const query = { labelSelector: `batch.kubernetes.io/job-name=${name}` };
    return (await client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(PODS, { namespace }), query })).items[0];
  });
}

/** Writes the status of the attempt's pod as a kubelet would. */
async function report(name: string, status: NonNullable<Pod['status']>): Promise<void> {
  const { metadata } = await podOf(name);
  const path = resourcePath(PODS, { namespace, name: metadata.name, subresource: 'status' });
  await cluster().client.request({ method: 'PATCH', patch: 'merge', path, body: { status } });
}

type SpecMap = KubernetesObject & { readonly data: Readonly<Record<string, string>> };

/** The ConfigMaps of an experiment. */
async function specsOf(experiment: string): Promise<readonly SpecMap[]> {
  const query = { labelSelector: `${LABEL.experiment}=${experiment}` };
  return (await cluster().client.request<ObjectList<SpecMap>>({ method: 'GET', path: resourcePath(CONFIG_MAPS, { namespace }), query }))
    .items;
}

const terminated = (exitCode: number, reason = 'Error', message = ''): NonNullable<Pod['status']> => ({
  phase: exitCode === 0 ? 'Succeeded' : 'Failed',
  containerStatuses: [{ name: 'stage', state: { terminated: { exitCode, reason, message, startedAt: time(10), finishedAt: time(20) } } }],
});

const ended = ({ runOf }: World, name: string): Promise<StageRun> =>
  found(`the end of ${name}`, async () => {
    const run = await runOf(name);
    return run?.state === 'succeeded' || run?.state === 'failed' ? run : undefined;
  });

describe('an attempt on a real API server', () => {
  it('reads the spec with which it starts: each version has one ConfigMap', async () => {
    const { experiment, substrate } = await world('versions');
    const { client } = cluster();
    await substrate.start(start('versions', { stage: 'prepare' }));
    await substrate.start(start('versions', FOLD));
    expect(await specsOf('versions')).toHaveLength(1);
    const { spec } = experiment;
    const changed = { ...experiment, spec: { ...spec, placement: { ...spec.placement, memory: '64Gi' } } };
    const after = createKubernetesSubstrate({ client, jobs, pods, experiment: changed, settings, started, now });
    const other = start('versions', { stage: 'fold', fold: 1 });
    await after.start(other);
    await after.start(start('versions', FOLD));
    const maps = await specsOf('versions');
    expect(maps.map(({ data }) => JSON.parse(data['experiment.json'] ?? '').spec.placement.memory).toSorted()).toEqual(['48Gi', '64Gi']);
    const mounted = JSON.stringify(await client.request({ method: 'GET', path: resourcePath(JOBS, { namespace, name: other.name }) }));
    expect(maps.filter(({ metadata }) => mounted.includes(metadata.name))).toMatchObject([
      { data: { 'experiment.json': expect.stringContaining('"64Gi"') } },
    ]);
  });

  it('is outdated if it has not begun and the manifest places it differently now', async () => {
    const { experiment, substrate, runOf } = await world('moved');
    await substrate.start(start('moved', FOLD));
    expect(await runOf('moved-fold-0-1')).not.toHaveProperty('outdated');
    const { spec } = experiment;
    const smaller = { ...experiment, spec: { ...spec, placement: { ...spec.placement, memory: '16Gi' } } };
    const { client } = cluster();
    const after = createKubernetesSubstrate({ client, jobs, pods, experiment: smaller, settings, started, now });
    expect(await after.observe()).toMatchObject([{ state: 'pending', outdated: true }]);
    await report('moved-fold-0-1', { phase: 'Running' });
    await found('the run', async () => ((await after.observe())[0]?.state === 'running' ? true : undefined));
    expect((await after.observe())[0]).not.toHaveProperty('outdated');
  });

  it('has one ConfigMap and one Job however often it is started, and is observed immediately', async () => {
    const { substrate, runOf } = await world('started');
    const prepare = start('started', { stage: 'prepare' });
    await substrate.start(prepare);
    expect(await runOf(prepare.name)).toMatchObject({ stage: 'prepare', attempt: 1, state: 'pending' });
    await substrate.start(prepare);
    expect(await substrate.observe()).toHaveLength(1);
    const [map] = await specsOf('started');
    if (map === undefined) throw new Error('there is no ConfigMap');
    expect(JSON.parse(map.data['experiment.json'] ?? '')).toMatchObject({ metadata: { name: 'started', uid: expect.any(String) } });
  });

  it('gets a pod under Pod Security "restricted", which is pending with the scheduler’s message', async () => {
    const { substrate, runOf } = await world('restricted', { queueName: '', tolerations: [{ operator: 'Exists' }] });
    await substrate.start(start('restricted', FOLD));
    const run = await found('the scheduler’s message', async () => {
      const seen = await runOf('restricted-fold-0-1');
      return seen?.message?.includes('nodes') === true ? seen : undefined;
    });
    expect(run).toMatchObject({ state: 'pending', message: expect.stringMatching(/no nodes available|nodes are available/) });
  });

  it('causes no warning from the server, even with everything that a placement can request', async () => {
    const { experiment } = await world('warned', {
      nodeSelector: { 'carpal.dev/pool': 'v100' },
      tolerations: [{ key: 'spot', operator: 'Exists' }],
      priorityClassName: 'research',
      queueName: 'gpu-team',
      serviceAccountName: 'trainer',
    });
    const all = { ...settings, artifactsSecretName: 'artifacts', env: { AWS_REGION: 'eu-central-1' } };
    for (const key of [{ stage: 'prepare' }, FOLD, { stage: 'ensemble' }] as const) {
      const file = join(cluster().folder, `${namespace}-${key.stage}.json`);
      await writeFile(file, JSON.stringify(jobManifest(experiment, start('warned', key), all)));
      const flags = ['--kubeconfig', cluster().kubeconfig, 'create', '--dry-run=server', '--validate=strict', '-f', file];
      const { stdout, stderr } = await promisify(execFile)('kubectl', flags);
      expect([stdout.trim(), stderr]).toEqual([`job.batch/${attemptName('warned', key, 1)} created (server dry run)`, '']);
    }
  });

  it('is pending with the message of the Job’s controller if no pod can be created', async () => {
    const { experiment } = await world('podless', { serviceAccountName: 'missing' });
    const { client } = cluster();
    // The clock is a minute ahead, so that the Job has waited long enough to ask.
    const missingPod = createMissingPodReason(client, () => Date.now() + 60_000);
    const substrate = createKubernetesSubstrate({ client, jobs, pods, experiment, settings, started, now });
    await substrate.start(start('podless', FOLD));
    await found('an event', async () => {
      const query = { fieldSelector: 'reason=FailedCreate,involvedObject.name=podless-fold-0-1' };
      const path = resourcePath({ group: '', version: 'v1', plural: 'events' }, { namespace });
      return (await client.request<ObjectList<KubernetesObject>>({ method: 'GET', path, query })).items[0];
    });
    const [hint] = await substrate.observe();
    expect(hint?.message).toBe(`no pod yet; kubectl describe job podless-fold-0-1 -n ${namespace} shows why`);
    const curious = createKubernetesSubstrate({ client, jobs, pods, experiment, settings, started, missingPod, now });
    const waiting = await found('the message', async () => {
      const [run] = await curious.observe();
      return run?.message === hint?.message ? undefined : run;
    });
    expect(waiting).toMatchObject({
      state: 'pending',
      waitsFor: 'start',
      message: expect.stringContaining('serviceaccount "missing" not found'),
    });
  });

  it('waits for capacity if a quota leaves no room for its pod', async () => {
    const { client } = cluster();
    const there = await freshNamespace(client);
    const quotas: Resource = { group: '', version: 'v1', plural: 'resourcequotas' };
    const path = resourcePath(quotas, { namespace: there });
    await client.request({ method: 'POST', path, body: { metadata: { name: 'few' }, spec: { hard: { pods: '0' } } } });
    await found('the quota', async () => {
      const { items } = await client.request<ObjectList<KubernetesObject & { status?: { hard?: object } }>>({ method: 'GET', path });
      return items[0]?.status?.hard;
    });
    const { experiment } = await world('full', {}, there);
    const missingPod = createMissingPodReason(client, () => Date.now() + 60_000);
    const substrate = createKubernetesSubstrate({ client, jobs, pods, experiment, settings, started, missingPod, now });
    await substrate.start(start('full', FOLD));
    const query = { fieldSelector: 'reason=FailedCreate,involvedObject.name=full-fold-0-1' };
    const events = resourcePath({ group: '', version: 'v1', plural: 'events' }, { namespace: there });
    await found(
      'an event',
      async () => (await client.request<ObjectList<KubernetesObject>>({ method: 'GET', path: events, query })).items[0],
    );
    const waiting = await found('the reason', async () => {
      const [run] = await substrate.observe();
      return run?.waitsFor === 'capacity' ? run : undefined;
    });
    expect(waiting).toMatchObject({ state: 'pending', message: expect.stringContaining('exceeded quota: few') });
  });

  it('can be started by two operators at the same time', async () => {
    const { experiment, substrate } = await world('twice');
    const blind = { indexed: () => [], absorb: () => undefined, forget: () => undefined };
    const other = createKubernetesSubstrate({ client: cluster().client, jobs: blind, pods, experiment, settings, started, now });
    const prepare = start('twice', { stage: 'prepare' });
    await Promise.all([substrate.start(prepare), other.start(prepare)]);
    expect(await substrate.observe()).toHaveLength(1);
  });

  it('waits for its name while an earlier experiment of the same name still holds it', async () => {
    const { experiment, substrate } = await world('held');
    const prepare = start('held', { stage: 'prepare' });
    await substrate.start(prepare);
    const later = { ...experiment, metadata: { ...experiment.metadata, uid: '00000000-0000-4000-8000-000000000000' } };
    const again = createKubernetesSubstrate({ client: cluster().client, jobs, pods, experiment: later, settings, started, now });
    const refusal = again.start(prepare);
    await expect(refusal).rejects.toBeInstanceOf(CarpalError);
    await expect(refusal).rejects.toMatchObject({ code: 'object-name-held' });
    expect(await again.observe()).toEqual([]);
  });

  it('is held as refused, with the server’s message, if its Job is invalid', async () => {
    const { experiment } = await world('refused');
    const odd = { ...settings, volumes: [{ claimName: 'artifacts', mountPath: '/tmp' }] };
    const substrate = createKubernetesSubstrate({ client: cluster().client, jobs, pods, experiment, settings: odd, started, now });
    const refusal = substrate.start(start('refused', FOLD));
    await expect(refusal).rejects.toMatchObject({ name: 'StartHeld', hold: 'refused' });
    await expect(refusal).rejects.toThrow(/^Job.batch "refused-fold-0-1" is invalid: .*mountPath: Invalid value.*must be unique/);
    const unreadable = { ...settings, cpuStage: { cpu: 'two', memory: '8Gi' } };
    const other = createKubernetesSubstrate({ client: cluster().client, jobs, pods, experiment, settings: unreadable, started, now });
    await expect(other.start(start('refused', { stage: 'prepare' }))).rejects.toMatchObject({ name: 'StartHeld', hold: 'refused' });
  });

  it('is held as denied, with the server’s message, while an admission policy denies its Job', async () => {
    const { substrate } = await world('denied');
    const { client } = cluster();
    const policies: Resource = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicies' };
    const bindings: Resource = { ...policies, plural: 'validatingadmissionpolicybindings' };
    const name = `deny-${namespace}`;
    const rule = { apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] };
    const expression = "!object.metadata.name.startsWith('denied-')";
    const policy = {
      matchConstraints: { resourceRules: [rule], namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
      validations: [{ expression, message: 'no Jobs today' }],
    };
    await client.request({ method: 'POST', path: resourcePath(policies), body: { metadata: { name }, spec: policy } });
    const binding = { policyName: name, validationActions: ['Deny'] };
    await client.request({ method: 'POST', path: resourcePath(bindings), body: { metadata: { name }, spec: binding } });
    const attempt = start('denied', FOLD);
    const held = await found('the denial', async () => {
      const error = await substrate.start(attempt).catch((thrown: unknown) => thrown);
      if (error === undefined) await substrate.remove(attempt.name);
      return error;
    });
    expect(held).toMatchObject({ name: 'StartHeld', hold: 'denied', message: expect.stringMatching(/^jobs.batch .*: no Jobs today$/) });
    await client.request({ method: 'DELETE', path: resourcePath(bindings, { name }) });
    await client.request({ method: 'DELETE', path: resourcePath(policies, { name }) });
    await found('the start', () =>
      substrate.start(attempt).then(
        () => true,
        () => undefined,
      ),
    );
  });

  it('is held as denied while a quota leaves no room for its Job', async () => {
    const { client } = cluster();
    const there = await freshNamespace(client);
    const quotas: Resource = { group: '', version: 'v1', plural: 'resourcequotas' };
    const quota = { metadata: { name: 'jobs' }, spec: { hard: { 'count/jobs.batch': '0' } } };
    await client.request({ method: 'POST', path: resourcePath(quotas, { namespace: there }), body: quota });
    const { substrate } = await world('over', {}, there);
    const attempt = start('over', FOLD);
    const held = await found('the denial', () =>
      substrate.start(attempt).then(
        () => substrate.remove(attempt.name),
        (thrown) => thrown,
      ),
    );
    expect(held).toMatchObject({ hold: 'denied', message: expect.stringContaining('exceeded quota: jobs') });
  });

  it('is held quietly while its namespace is being deleted', async () => {
    const { client } = cluster();
    const there = await freshNamespace(client);
    const { substrate } = await world('leaving', {}, there);
    const keeper = { metadata: { name: 'keeper', finalizers: ['carpal.dev/test'] } };
    await client.request({ method: 'POST', path: resourcePath(CONFIG_MAPS, { namespace: there }), body: keeper });
    await client.request({ method: 'DELETE', path: resourcePath(NAMESPACES, { name: there }) });
    const held = substrate.start(start('leaving', FOLD));
    await expect(held).rejects.toMatchObject({ name: 'StartHeld', hold: 'terminating' });
    const path = resourcePath(CONFIG_MAPS, { namespace: there, name: 'keeper' });
    await client.request({ method: 'PATCH', patch: 'merge', path, body: { metadata: { finalizers: null } } });
  });

  it('has its settings checked before an experiment depends on them', async () => {
    const { client } = cluster();
    await checkStageSettings(client, namespace, settings);
    const odd = { ...settings, cpuStage: { cpu: 'two', memory: '8Gi' } };
    await expect(checkStageSettings(client, namespace, odd)).rejects.toMatchObject({
      code: expect.stringMatching(/^stage-settings-refused$/),
    });
  });

  it('has a suspended Job if a queue is named', async () => {
    const { substrate, runOf } = await world('queued', { queueName: 'gpu-team' });
    await substrate.start(start('queued', FOLD));
    expect(await runOf('queued-fold-0-1')).toMatchObject({ state: 'queued', message: 'waits in queue gpu-team' });
  });

  it.each<[string, NonNullable<Pod['status']>, string, object]>([
    ['success', terminated(0), 'succeeded', { exitCode: 0 }],
    ['final', terminated(78, 'Error', 'manifest-invalid'), 'final', { exitCode: 78, lastLines: 'manifest-invalid' }],
    ['failure', terminated(1), 'failure', { exitCode: 1 }],
    ['memory', terminated(137, 'OOMKilled'), 'failure', { exitCode: 137, reason: 'OOMKilled' }],
    ['checkpoint', terminated(75), 'disruption', { exitCode: 75 }],
    [
      'drain',
      { ...terminated(143), conditions: [disruptionTarget('EvictionByEvictionAPI', 'evicting')] },
      'disruption',
      { exitCode: 143, reason: 'EvictionByEvictionAPI' },
    ],
  ])('has the outcome of its pod: %s', async (name, status, kind, expected) => {
    const one = await world(name);
    const attempt = start(name, FOLD);
    await one.substrate.start(attempt);
    await report(attempt.name, status);
    const run = await ended(one, attempt.name);
    expect(run).toMatchObject({ ...expected, startedAt: time(10), finishedAt: time(20) });
    expect(outcomeOf(run)?.kind).toBe(kind);
  });

  it.each([
    [65, 'final'],
    [70, 'failure'],
    [75, 'disruption'],
    [137, 'disruption'],
  ])('is read from its Job alone if its pod is gone: exit %i', async (exitCode, kind) => {
    const name = `gone-${exitCode}`;
    const one = await world(name);
    const attempt = start(name, FOLD);
    await one.substrate.start(attempt);
    await report(attempt.name, terminated(exitCode));
    await ended(one, attempt.name);
    const pod = await podOf(attempt.name);
    await cluster().client.request({ method: 'DELETE', path: resourcePath(PODS, { namespace, name: pod.metadata.name }) });
    const uid = one.experiment.metadata.uid ?? '';
    await found('no pod', () => (pods.indexed(uid).length === 0 ? true : undefined));
    const run = await one.runOf(attempt.name);
    expect(run).toMatchObject({ state: 'failed', exitCode });
    expect(run === undefined ? undefined : outcomeOf(run)?.kind).toBe(kind);
  });

  it('occupies its stage after a stop until its pod has ended, and is stopped only once', async () => {
    const one = await world('stopped');
    const attempt = start('stopped', FOLD);
    await one.substrate.start(attempt);
    const pod = await podOf(attempt.name);
    // A finalizer simulates a container's grace period.
    const path = resourcePath(PODS, { namespace, name: pod.metadata.name });
    const hold = { metadata: { finalizers: [...(pod.metadata.finalizers ?? []), 'carpal.dev/test'] } };
    await cluster().client.request({ method: 'PATCH', patch: 'merge', path, body: hold });
    await one.substrate.stop(attempt.name);
    expect(await one.runOf(attempt.name)).toMatchObject({ deleting: true });
    await one.substrate.stop(attempt.name);
    await found('the pod is being deleted', async () => (await podOf(attempt.name)).metadata.deletionTimestamp);
    expect(await one.runOf(attempt.name)).toMatchObject({ deleting: true });
    await cluster().client.request({ method: 'PATCH', patch: 'merge', path, body: { metadata: { finalizers: null } } });
    await found('nothing is left', async () => ((await one.substrate.observe()).length === 0 ? true : undefined));
    await one.substrate.stop(attempt.name);
  });

  it('occupies its stage while its pod ends even if someone deleted its Job', async () => {
    const one = await world('background');
    const attempt = start('background', FOLD);
    await one.substrate.start(attempt);
    const pod = await podOf(attempt.name);
    const path = resourcePath(PODS, { namespace, name: pod.metadata.name });
    await cluster().client.request({ method: 'PATCH', patch: 'merge', path, body: { metadata: { finalizers: ['carpal.dev/test'] } } });
    await found('the pod is seen', async () => (pods.indexed(one.experiment.metadata.uid ?? '').length > 0 ? true : undefined));
    const job = resourcePath(JOBS, { namespace, name: attempt.name });
    await cluster().client.request({ method: 'DELETE', path: job, body: { propagationPolicy: 'Background' } });
    await found('the Job is gone', () => (jobs.get(`${namespace}/${attempt.name}`) === undefined ? true : undefined));
    expect(await one.runOf(attempt.name)).toMatchObject({ name: attempt.name, attempt: 1, deleting: true });
    await cluster().client.request({ method: 'PATCH', patch: 'merge', path, body: { metadata: { finalizers: null } } });
    await found('nothing is left', async () => ((await one.substrate.observe()).length === 0 ? true : undefined));
  });

  it.each([
    ['runs on', false],
    ['is being stopped', true],
  ])('is lost if its node no longer answers, and can be abandoned: its Job %s', async (_case, stops) => {
    const name = `dark-${stops}`;
    const one = await world(name);
    const attempt = start(name, FOLD);
    const { client } = cluster();
    await one.substrate.start(attempt);
    const pod = await podOf(attempt.name);
    const path = resourcePath(PODS, { namespace, name: pod.metadata.name });
    const binding = { metadata: { name: pod.metadata.name }, target: { apiVersion: 'v1', kind: 'Node', name: 'dark' } };
    await client.request({ method: 'POST', path: `${path}/binding`, body: binding });
    await report(attempt.name, { phase: 'Running', containerStatuses: [{ name: 'stage', state: { running: { startedAt: time(10) } } }] });
    if (stops) await one.substrate.stop(attempt.name);
    else await client.request({ method: 'DELETE', path });
    const uid = one.experiment.metadata.uid ?? '';
    await found('the deletion', () => pods.indexed(uid).find(({ metadata }) => metadata.deletionTimestamp !== undefined));
    await one.substrate.abandon?.(attempt.name);
    expect(await one.runOf(attempt.name)).not.toHaveProperty('lost');
    const later = (): Date => new Date(Date.now() + 180_000);
    const { experiment } = one;
    const waiting = createKubernetesSubstrate({ client, jobs, pods, experiment, settings, started, now: later });
    expect(await waiting.observe()).toMatchObject([{ name: attempt.name, state: 'running', lost: true }]);
    await waiting.abandon?.(attempt.name);
    await found('nothing is left', async () => ((await one.substrate.observe()).length === 0 ? true : undefined));
    expect(await one.substrate.ask(attempt)).toBeUndefined();
  });

  it('has its orphaned pods stopped', async () => {
    const one = await world('orphaned');
    const attempt = start('orphaned', FOLD);
    await one.substrate.start(attempt);
    await podOf(attempt.name);
    const job = resourcePath(JOBS, { namespace, name: attempt.name });
    await cluster().client.request({ method: 'DELETE', path: job, body: { propagationPolicy: 'Orphan' } });
    const uid = one.experiment.metadata.uid ?? '';
    await found('the pod has no owner', () => pods.indexed(uid).find(({ metadata }) => metadata.ownerReferences === undefined));
    await found('the Job is gone', () => (jobs.get(`${namespace}/${attempt.name}`) === undefined ? true : undefined));
    expect(await one.runOf(attempt.name)).not.toHaveProperty('deleting');
    await one.substrate.stop(attempt.name);
    await found('nothing is left', async () => ((await one.substrate.observe()).length === 0 ? true : undefined));
  });

  it('that may have been started before is not started while it has a leftover pod that no watch has delivered yet', async () => {
    const one = await world('left');
    const attempt = start('left', FOLD);
    await one.substrate.start(attempt);
    await podOf(attempt.name);
    const job = resourcePath(JOBS, { namespace, name: attempt.name });
    await cluster().client.request({ method: 'DELETE', path: job, body: { propagationPolicy: 'Orphan' } });
    await found('the Job is gone', () => (jobs.get(`${namespace}/${attempt.name}`) === undefined ? true : undefined));
    const late = { indexed: () => [], absorb: () => undefined };
    const { client } = cluster();
    const { experiment } = one;
    const blind = createKubernetesSubstrate({ client, jobs, pods: late, experiment, settings, started, now });
    expect(await blind.observe()).toEqual([]);
    for (const again of [{ ...attempt, again: true as const }, start('left', FOLD, 2)]) {
      await blind.start(again);
      expect(jobs.indexed(experiment.metadata.uid ?? '')).toEqual([]);
    }
    expect(await blind.ask(attempt)).toMatchObject({ name: attempt.name, attempt: 1, state: 'pending' });
    await report(attempt.name, terminated(75));
    expect(await blind.ask(attempt)).toMatchObject({ state: 'failed', exitCode: 75 });
    expect(await blind.ask(start('left', FOLD, 2))).toBeUndefined();
    await blind.start(start('left', FOLD, 2));
    expect(jobs.indexed(experiment.metadata.uid ?? '').map(({ metadata }) => metadata.name)).toEqual(['left-fold-0-2']);
  });

  it('is not identified by labels and owner references alone, which others can write in another namespace', async () => {
    const one = await world('forged');
    const attempt = start('forged', FOLD);
    await one.substrate.start(attempt);
    const { client } = cluster();
    const there = await freshNamespace(client);
    const { metadata } = await podOf(attempt.name);
    const uid = one.experiment.metadata.uid ?? '';
    const body = {
      metadata: { name: 'forged', labels: { ...metadata.labels, [LABEL.attempt]: '2' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'stage', image: IMAGE }] },
    };
    await client.request({ method: 'POST', path: resourcePath(PODS, { namespace: there }), body });
    const path = resourcePath(PODS, { namespace: there, name: 'forged', subresource: 'status' });
    await client.request({ method: 'PATCH', patch: 'merge', path, body: { status: terminated(78) } });
    const isForged = (pod: KeptPod): boolean => pod.metadata.namespace === there && pod.status?.phase === 'Failed';
    await found('the pod in the other namespace', () => pods.indexed(uid).find(isForged));
    expect(await one.substrate.observe()).toMatchObject([{ name: attempt.name, state: 'pending' }]);
    expect(await one.substrate.observe()).toHaveLength(1);
  });

  it('is removed together with its pods, and can be removed again without an error', async () => {
    const one = await world('removed');
    const attempt = start('removed', FOLD);
    await one.substrate.start(attempt);
    await report(attempt.name, terminated(0));
    await ended(one, attempt.name);
    await one.substrate.stop(attempt.name);
    expect((await one.runOf(attempt.name))?.state).toBe('succeeded');
    await one.substrate.remove(attempt.name);
    await one.substrate.remove(attempt.name);
    await found('nothing is left', async () => ((await one.substrate.observe()).length === 0 ? true : undefined));
  });
});
