import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { LABEL } from '@carpal/configs/names.ts';
import type { KubernetesClient, KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { job, LABELS } from '@carpal/testbed/operator/attempt-objects.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { stageSettings } from '../jobs/stage-settings.ts';
import { createCollections } from './collections.ts';
import { createActiveExperiments } from './experiment-memory.ts';
import type { ExperimentObject } from './experiment-object.ts';
import { createExperimentStep } from './experiment-step.ts';
import { createProgressReader } from './progress-reader.ts';

/** An experiment of the cluster with one fold that trains, and a step of the operator. */
function world() {
  const experiment = experimentWith({ folds: [0] });
  const status = plan(experiment, seen([prepared(), attempt(fold(0), 1, {})]), at(1)).status;
  const { apiVersion, kind, metadata, spec } = experiment;
  const object: ExperimentObject = {
    apiVersion,
    kind,
    metadata: { name: metadata.name, namespace: 'default', uid: 'u1', generation: 1, resourceVersion: '1000' },
    spec,
    status,
  };
  const client: KubernetesClient = {
    // The API server accepts every status.
    request: async <Answer>({ body }: KubernetesRequest) => ({ ...object, ...(body as object), metadata: object.metadata }) as Answer,
    watch: () => {
      throw new Error('no watch is expected');
    },
    close: () => undefined,
  };
  const active = createActiveExperiments({ classLists: ['hand-bones'], now: () => at(2), log: silentLog });
  const collections = createCollections({ client, active, onDue: () => undefined, random: () => 0.5, log: silentLog });
  const folds: number[] = [];
  const store = openFolderStore('/nowhere');
  const step = createExperimentStep({
    client,
    collections,
    active,
    store,
    progress: createProgressReader({
      store,
      now: () => at(2),
      runningFolds: active.runningFolds,
      interval: (running) => {
        folds.push(running);
        return 0;
      },
    }),
    settings: { stages: stageSettings({ image: 'carpal', artifactsUri: store.uri }), workers: 1, provenance: { carpal: '0', node: '0' } },
    missingPod: async () => undefined,
    askQueue: async () => undefined,
    events: { record: () => undefined, flush: async () => undefined, stats: { written: 0, lost: 0, waiting: 0 } },
    metrics: { stageEnded: () => undefined, gpuSeconds: () => undefined },
    now: () => at(2),
    log: silentLog,
  });
  const jobOf = (uid: string): Job => {
    const ownerReferences = [{ apiVersion, kind, name: 'wrist', uid, controller: true }];
    const labels = { ...LABELS, [LABEL.experimentUid]: uid };
    return job({ metadata: { uid: `job-of-${uid}`, labels, ownerReferences }, status: { ready: 1 } });
  };
  const ofUid = (uid: string): ExperimentObject => ({ ...object, metadata: { ...object.metadata, uid } });
  const appear = (uid: string): void => {
    collections.experiments.absorb(ofUid(uid));
    collections.jobs.absorb(jobOf(uid));
  };
  const vanish = (uid: string): void => {
    collections.experiments.forget(ofUid(uid));
    collections.jobs.forget(jobOf(uid));
  };
  return { step, appear, vanish, folds };
}

describe('a step for an experiment that replaces a deleted one', () => {
  it('does not count the folds of the deleted one, which would slow down the reports of all other experiments', async () => {
    const { step, appear, vanish, folds } = world();
    appear('u1');
    await step('default/wrist');
    expect(folds).toEqual([1]);
    vanish('u1');
    await step('default/wrist');
    appear('u2');
    await step('default/wrist');
    expect(folds).toEqual([1, 1]);
  });
});
