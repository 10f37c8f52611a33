/** Posts many experiments together, and measures everything that the operator does with them. */

import { join } from 'node:path';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { listAll } from '@carpal/kubernetes/runtime/list-all.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { type AuditedCall, auditedCalls } from '@carpal/testbed/cluster/audit-log.ts';
import type { Measure } from '../harness/goals.ts';
import { type OperatorOutcome, operatorOutcome } from '../harness/outcome.ts';
import { benchExperiment, type OperatorCluster, withOperatorCluster } from './cluster.ts';
import { histogramQuantile, type Sample, total } from './metrics-page.ts';
import { startOperatorProcess } from './process.ts';

/** prepare, five folds, ensemble. */
const JOBS_EACH = 7;
/** How long a pod runs; the least that a stage takes in addition to the work of the cluster. */
const POD_MS = 200;
const POLL_MS = 1000;
/** JobSet v0.12 on 2 cores with its control plane: 200 JobSets of 5 Jobs in 39.4 s. */
const JOBSET = { jobsPerSecond: 25.4, callsPerSet: 12.3, cpuSeconds: 5.5, rssMb: 111 } as const;

export type OperatorLoadOptions = {
  readonly experiments: number;
  /** Arguments of the operator's command line. */
  readonly args?: readonly string[];
  /** Writes a CPU profile of the operator into this folder. */
  readonly profile?: string | undefined;
  /** Called with the progress of the benchmark. */
  readonly onProgress?: (text: string) => void;
};

/** Runs the benchmark. Throws unless every experiment becomes Complete with exactly its own Jobs. */
export async function operatorLoad(options: OperatorLoadOptions): Promise<OperatorOutcome> {
  const { experiments, args, profile, onProgress = () => undefined } = options;
  return await withOperatorCluster(POD_MS, async (cluster) => {
    const { client, namespace, artifacts, operatorKubeconfig: kubeconfig } = cluster;
    const operator = await startOperatorProcess({
      kubeconfig,
      artifacts,
      namespace,
      logFile: join(cluster.controlPlane.folder, 'operator.log'),
      ...(args === undefined ? {} : { args }),
      ...(profile === undefined ? {} : { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${profile}`] }),
    });
    await operator.until((samples) => total(samples, 'carpal_leader') === 1);
    const idle = await operator.usage();
    const planeBefore = await cluster.usage();
    const beginMs = Date.now();
    const names = Array.from({ length: experiments }, (_, index) => `bench-${index}`);
    const path = resourcePath(EXPERIMENTS, { namespace });
    await Promise.all(names.map((name) => client.request({ method: 'POST', path, body: benchExperiment(name), timeoutMs: 300_000 })));
    onProgress(`${experiments} experiments posted after ${((Date.now() - beginMs) / 1000).toFixed(1)} s`);
    const done = (samples: readonly Sample[]): number =>
      total(samples, 'carpal_experiments', { state: 'Complete' }) + total(samples, 'carpal_experiments', { state: 'Failed' });
    let reported = 0;
    await operator.until((samples) => {
      const now = done(samples);
      if (now >= reported + experiments / 4) {
        reported = now;
        onProgress(`${now} experiments done after ${((Date.now() - beginMs) / 1000).toFixed(0)} s`);
      }
      return now === experiments;
    }, POLL_MS);
    const busy = await operator.usage();
    const plane = await cluster.usage();
    // Events are written after the work, but belong to it.
    const samples = await operator.until((seen) => total(seen, 'carpal_events_total') > 0 && total(seen, 'carpal_events_waiting') === 0);
    await expectAllComplete(cluster, experiments);
    await operator.stop();
    const calls = await ownCalls(cluster, beginMs);
    return operatorOutcome(`operator-${experiments}`, `${experiments} experiments of 5 folds posted together, pods of ${POD_MS} ms`, [
      ...throughputOf(calls, experiments, beginMs),
      ...callsOf(calls, experiments),
      { what: 'operator: peak memory', value: busy.peakRssMb, unit: 'MB', atMost: 300, published: JOBSET.rssMb },
      { what: 'operator: memory before the first experiment', value: idle.rssMb, unit: 'MB' },
      {
        what: 'operator: CPU time',
        value: busy.cpuSeconds - idle.cpuSeconds,
        unit: 's',
        ...(experiments === 200 ? { published: JOBSET.cpuSeconds } : {}),
      },
      { what: 'reconcile, median', value: histogramQuantile(samples, 'carpal_reconcile_duration_seconds', 0.5) * 1000, unit: 'ms' },
      {
        what: 'reconcile, 99th percentile',
        value: histogramQuantile(samples, 'carpal_reconcile_duration_seconds', 0.99) * 1000,
        unit: 'ms',
      },
      { what: 'reconciles per experiment', value: total(samples, 'carpal_reconcile_total') / experiments, unit: '' },
      { what: 'reconciles that failed', value: total(samples, 'carpal_reconcile_total', { result: 'error' }), unit: '' },
      { what: 'events written', value: total(samples, 'carpal_events_total', { outcome: 'written' }), unit: '' },
      { what: 'events lost', value: total(samples, 'carpal_events_total', { outcome: 'lost' }), unit: '', atMost: 0 },
      { what: 'control plane: CPU time', value: plane.cpuSeconds - planeBefore.cpuSeconds, unit: 's' },
      ...Object.entries(plane.parts).map(
        ([part, seconds]): Measure => ({ what: `  ${part}`, value: seconds - (planeBefore.parts[part] ?? 0), unit: 's' }),
      ),
      { what: 'control plane: memory', value: plane.rssMb, unit: 'MB' },
    ]);
  });
}

const REFLECTED: readonly string[] = ['segmentationexperiments', 'jobs', 'pods'];

/** The operator's requests since `sinceMs`. Watches, the lists that start them, and requests for the Lease do not count. */
async function ownCalls({ controlPlane, operatorUser }: OperatorCluster, sinceMs: number): Promise<readonly AuditedCall[]> {
  const calls: AuditedCall[] = [];
  for await (const call of auditedCalls(controlPlane.auditLog)) {
    const isReflected = call.verb === 'list' && REFLECTED.includes(call.resource);
    const isRest = call.verb === 'watch' || isReflected || call.resource === 'leases';
    if (call.user === operatorUser && !isRest && call.atMs >= sinceMs) calls.push(call);
  }
  return calls;
}

/** When Jobs were created and experiments ended, from the API server's audit log. */
function throughputOf(calls: readonly AuditedCall[], experiments: number, beginMs: number): readonly Measure[] {
  const last = (isMeant: (call: AuditedCall) => boolean): number =>
    calls.filter((call) => isMeant(call) && call.code < 300).reduce((latest, { atMs }) => Math.max(latest, atMs), beginMs);
  const createdS = (last(({ verb, resource }) => verb === 'create' && resource === 'jobs') - beginMs) / 1000;
  const completeS = (last(({ resource }) => resource === 'segmentationexperiments/status') - beginMs) / 1000;
  return [
    { what: 'all Jobs created after', value: createdS, unit: 's' },
    { what: 'all experiments Complete after', value: completeS, unit: 's' },
    {
      what: 'Jobs created, run and finished per second',
      value: (experiments * JOBS_EACH) / completeS,
      unit: '',
      atLeast: 25,
      published: JOBSET.jobsPerSecond,
    },
  ];
}

function callsOf(calls: readonly AuditedCall[], experiments: number): readonly Measure[] {
  const kinds = Map.groupBy(calls, ({ verb, resource, code }) => `${verb} ${resource}${code < 300 ? '' : ` (${code})`}`);
  return [
    { what: 'API calls per experiment', value: calls.length / experiments, unit: '', atMost: 40, published: JOBSET.callsPerSet },
    ...Array.from(kinds, ([kind, { length }]): Measure => ({ what: `  ${kind}`, value: length / experiments, unit: '' })),
  ];
}

async function expectAllComplete({ client, namespace }: OperatorCluster, experiments: number): Promise<void> {
  let complete = 0;
  let jobs = 0;
  const all = { client, query: {}, pageSize: 500, signal: new AbortController().signal, onStart: () => undefined };
  await listAll<ExperimentObject>({
    ...all,
    path: resourcePath(EXPERIMENTS, { namespace }),
    onItem: ({ status }) => (complete += status?.state === 'Complete' ? 1 : 0),
  });
  await listAll<Job>({ ...all, path: resourcePath(JOBS, { namespace }), onItem: () => (jobs += 1) });
  if (complete === experiments && jobs === experiments * JOBS_EACH) return;
  throw new Error(`${complete} of ${experiments} experiments are Complete, with ${jobs} Jobs instead of ${experiments * JOBS_EACH}`);
}
