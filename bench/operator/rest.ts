/** An operator with thousands of finished experiments and nothing to do. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EXPERIMENTS, ensembleKey } from '@carpal/configs/names.ts';
import { type ExperimentStatus, FRESH_STAGE } from '@carpal/configs/schema/status.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createLimit } from '@carpal/operator/controller/concurrency-limit.ts';
import { type OperatorOutcome, operatorOutcome } from '../harness/outcome.ts';
import { benchExperiment, type OperatorCluster, withOperatorCluster } from './cluster.ts';
import { type Sample, total } from './metrics-page.ts';
import { type OperatorProcess, startOperatorProcess } from './process.ts';

const REST_MS = 60_000;
const WRITES_AT_ONCE = 32;
const FINISHED_AT = '2020-01-01T00:00:00Z';

export type OperatorRestOptions = {
  readonly experiments: number;
  readonly onProgress?: (text: string) => void;
  /** How long the operator is observed at rest; a minute by default. */
  readonly restMs?: number;
};

/** Runs the benchmark: CPU and memory at rest, and how long a restarted operator takes to reconcile everything. */
export async function operatorRest(options: OperatorRestOptions): Promise<OperatorOutcome> {
  const { experiments, onProgress = () => undefined, restMs = REST_MS } = options;
  return await withOperatorCluster(undefined, async (cluster) => {
    await createFinished(cluster, experiments, onProgress);
    const { artifacts, namespace, operatorKubeconfig: kubeconfig, controlPlane } = cluster;
    const start = (): Promise<OperatorProcess> =>
      startOperatorProcess({ kubeconfig, artifacts, namespace, logFile: join(controlPlane.folder, 'operator.log') });
    const first = await start();
    await first.until(hasReconciledAll(experiments));
    onProgress('the first operator has reconciled everything');
    await first.stop();
    const second = await start();
    await second.until(hasReconciledAll(experiments));
    const restartS = (performance.now() - second.startedMs) / 1000;
    const restarted = await second.usage();
    onProgress(`the second operator has reconciled everything after ${restartS.toFixed(1)} s; it rests for ${restMs / 1000} s`);
    await pause(restMs);
    const rested = await second.usage();
    await second.stop();
    return operatorOutcome('operator-rest', `${experiments} finished experiments whose Jobs are deleted, at rest`, [
      {
        what: 'CPU at rest, of one core',
        value: ((rested.cpuSeconds - restarted.cpuSeconds) / (restMs / 1000)) * 100,
        unit: '%',
        atMost: 1,
      },
      { what: 'everything is reconciled after a restart within', value: restartS, unit: 's', atMost: 20 },
      { what: 'CPU time of a restart', value: restarted.cpuSeconds, unit: 's' },
      { what: 'memory at rest', value: rested.rssMb, unit: 'MB' },
      { what: 'peak memory', value: rested.peakRssMb, unit: 'MB', atMost: 300 },
    ]);
  });
}

const hasReconciledAll =
  (experiments: number) =>
  (samples: readonly Sample[]): boolean =>
    total(samples, 'carpal_leader') === 1 &&
    total(samples, 'carpal_reconcile_total') >= experiments &&
    total(samples, 'carpal_queue_depth') === 0;

/** Creates experiments with the status of a successful end; nothing has run. */
async function createFinished(
  { client, namespace }: OperatorCluster,
  experiments: number,
  onProgress: (text: string) => void,
): Promise<void> {
  const limited = createLimit(WRITES_AT_ONCE);
  let made = 0;
  const create = async (name: string): Promise<void> => {
    const body = benchExperiment(name);
    await client.request({ method: 'POST', path: resourcePath(EXPERIMENTS, { namespace }), body });
    const path = resourcePath(EXPERIMENTS, { namespace, name, subresource: 'status' });
    await client.request({ method: 'PATCH', patch: 'merge', path, body: { status: finishedStatus(namespace, name) } });
    made += 1;
    if (made % 1000 === 0) onProgress(`${made} finished experiments created`);
  };
  await Promise.all(Array.from({ length: experiments }, (_, index) => limited(() => create(`rest-${index}`))));
}

function finishedStatus(namespace: string, name: string): ExperimentStatus {
  const stage = { ...FRESH_STAGE, state: 'Succeeded', attempts: 1, activeSeconds: 3600, startedAt: FINISHED_AT, node: 'gpu-0' } as const;
  const condition = { reason: 'ExperimentComplete', message: '', lastTransitionTime: FINISHED_AT } as const;
  return {
    observedGeneration: 1,
    conditions: [
      { ...condition, type: 'Prepared', status: 'True', reason: 'DatasetPrepared' },
      { ...condition, type: 'Training', status: 'False', reason: 'FoldsFinished', message: '5 of 5 folds finished' },
      { ...condition, type: 'Suspended', status: 'False', reason: 'NotSuspended' },
      { ...condition, type: 'Complete', status: 'True', message: 'submission.csv is in the store' },
      { ...condition, type: 'Failed', status: 'False' },
    ],
    state: 'Complete',
    reason: 'ExperimentComplete',
    progress: '100%',
    foldsFinished: '5/5',
    bestDice: 0.95,
    finishedAt: FINISHED_AT,
    prepare: stage,
    folds: Array.from({ length: 5 }, (_, index) => ({ ...stage, index, epoch: 100, epochs: 100, loss: 0.02, dice: 0.94, bestDice: 0.95 })),
    ensemble: stage,
    artifacts: 's3://bucket/artifacts',
    submission: `s3://bucket/artifacts/${ensembleKey({ metadata: { namespace, name, uid: name } })}/submission.csv`,
    announcements: [],
  };
}
