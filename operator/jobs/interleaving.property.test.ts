/**
 * Jobs and pods arrive through two watches, and each may lag behind the other. Whatever the planner observes between their deliveries, an
 * attempt is counted once and with its true outcome, and no attempt starts while a pod of another one runs.
 */

import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { Job, Pod } from '@carpal/kubernetes/api/objects.ts';
import {
  disruptionTarget,
  failedConditions,
  failedPod,
  job,
  jobCondition,
  pod,
  runningPod,
  time,
} from '@carpal/testbed/operator/attempt-objects.ts';
import { at, experimentWith, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { keepJob, keepPod } from './kept-objects.ts';
import { stageRunOf, stageRunOfPods } from './stage-run.ts';

type Scenario = {
  /** The versions of the Job in order; undefined: the Job is gone. */
  readonly jobs: readonly (Job | undefined)[];
  readonly pods: readonly (Pod | undefined)[];
  readonly failures: number;
  readonly disruptions: number;
  readonly state: string;
};

const pendingPod = pod({ status: { phase: 'Pending' }, spec: {} });
const active = job();
const ready = job({ status: { ready: 1 } });
const failing = (reason: string, message: string): Job[] => {
  const conditions = failedConditions(reason, message);
  return [job({ status: { conditions: conditions.slice(0, 1) } }), job({ status: { conditions } })];
};
const exited = (exitCode: number, rule: number): Job[] =>
  failing('PodFailurePolicy', `Container stage for pod default/p failed with exit code ${exitCode} matching FailJob rule at index ${rule}`);
const deleted = { deletionTimestamp: time(200), deletionGracePeriodSeconds: 100 };
const target = { conditions: [disruptionTarget('DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint')] };
const goingJob = job({ metadata: { deletionTimestamp: time(100) } });
const donePod = pod({
  status: { phase: 'Succeeded' },
  state: { terminated: { exitCode: 0, reason: 'Completed', startedAt: time(10), finishedAt: time(110) } },
});

const SCENARIOS: Record<string, Scenario> = {
  'a success': {
    jobs: [
      active,
      ready,
      job({ status: { conditions: [jobCondition('SuccessCriteriaMet')] } }),
      job({ status: { conditions: [jobCondition('Complete')] } }),
    ],
    pods: [pendingPod, runningPod(), donePod],
    failures: 0,
    disruptions: 0,
    state: 'Succeeded',
  },
  'a failure of the program': {
    jobs: [active, ready, ...exited(1, 3)],
    pods: [pendingPod, runningPod(), failedPod({ exitCode: 1 })],
    failures: 1,
    disruptions: 0,
    state: 'Waiting',
  },
  'a lack of memory': {
    jobs: [active, ready, ...exited(137, 3)],
    pods: [pendingPod, runningPod(), failedPod({ exitCode: 137, reason: 'OOMKilled' })],
    failures: 1,
    disruptions: 0,
    state: 'Waiting',
  },
  'bad data': {
    jobs: [active, ready, ...exited(65, 0)],
    pods: [pendingPod, runningPod(), failedPod({ exitCode: 65 })],
    failures: 1,
    disruptions: 0,
    state: 'Failed',
  },
  'a drained node': {
    jobs: [active, ready, ...failing('PodFailurePolicy', 'Pod default/p has condition DisruptionTarget matching FailJob rule at index 1')],
    pods: [
      pendingPod,
      runningPod(),
      runningPod({ metadata: deleted, status: target }),
      failedPod({ exitCode: 143 }, { metadata: deleted, status: target }),
      undefined,
    ],
    failures: 0,
    disruptions: 1,
    state: 'Waiting',
  },
  'a pod deleted without a condition': {
    jobs: [active, ready, ...exited(137, 3)],
    pods: [
      pendingPod,
      runningPod(),
      runningPod({ metadata: deleted }),
      failedPod({ exitCode: 137, finishedAt: time(200) }, { metadata: deleted }),
      undefined,
    ],
    failures: 0,
    disruptions: 1,
    state: 'Waiting',
  },
  'a pod deleted before it was scheduled': {
    jobs: [active, ...failing('BackoffLimitExceeded', 'Job has reached the specified backoff limit')],
    pods: [
      pendingPod,
      pod({ status: { phase: 'Pending' }, spec: {}, metadata: deleted }),
      pod({ status: { phase: 'Failed' }, spec: {}, metadata: deleted }),
      undefined,
    ],
    failures: 0,
    disruptions: 1,
    state: 'Waiting',
  },
  'a Job deleted by a person, in the foreground': {
    jobs: [active, ready, goingJob, undefined],
    pods: [pendingPod, runningPod(), runningPod({ metadata: deleted }), failedPod({ exitCode: 75 }, { metadata: deleted }), undefined],
    failures: 0,
    disruptions: 1,
    state: 'Waiting',
  },
  'a Job deleted by a person, in the background': {
    jobs: [active, ready, undefined],
    pods: [pendingPod, runningPod(), runningPod({ metadata: deleted }), failedPod({ exitCode: 75 }, { metadata: deleted }), undefined],
    failures: 0,
    disruptions: 1,
    state: 'Waiting',
  },
};

/** The order in which the two watches deliver: true for the next version of the Job, false for the next version of the pod. */
const orders = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });

/** The status as if the plan had not started the fold: in these scenarios nothing follows the first attempt. */
function withoutStart(status: ExperimentStatus): ExperimentStatus {
  const folds = status.folds.map((one) =>
    one.state === 'Starting' ? { ...one, state: 'Waiting' as const, attempts: one.attempts - 1 } : one,
  );
  return { ...status, folds };
}

/**
 * Plans after every delivery and returns the fold's final status. When one watch has no versions left, the other one delivers, whatever the
 * order says.
 */
function deliver({ jobs, pods }: Scenario, order: readonly boolean[]): ExperimentStatus['folds'][number] | undefined {
  let status: ExperimentStatus | undefined;
  let [jobAt, podAt] = [0, 0];
  for (let step = 0; ; step++) {
    const latestJob = jobs[jobAt];
    const latestPod = pods[podAt];
    const kept = latestPod === undefined ? [] : [keepPod(latestPod)];
    const run = latestJob === undefined ? stageRunOfPods(kept, at(130)) : stageRunOf(keepJob(latestJob), kept, at(130));
    // Later than any delay, so that everything that may start does start.
    const planned = plan(
      experimentWith({ folds: [0], startDeadline: '365d', foldDeadline: '365d' }),
      seen(run === undefined ? [prepared()] : [prepared(), run], status),
      at(1000 + step * 1000),
    );
    const runs = latestPod?.status?.phase === 'Running';
    if (runs)
      expect(
        planned.start.filter(({ stage }) => stage === 'fold'),
        'no attempt while a pod runs',
      ).toEqual([]);
    status = withoutStart(planned.status);
    const [jobsLeft, podsLeft] = [jobAt < jobs.length - 1, podAt < pods.length - 1];
    if (!jobsLeft && !podsLeft) return status.folds[0];
    if (jobsLeft && (!podsLeft || order[step] === true)) jobAt += 1;
    else podAt += 1;
  }
}

describe('an attempt seen through two watches', () => {
  it.each(Object.entries(SCENARIOS))('is counted once and with its true outcome: %s', (_title, scenario) => {
    fc.assert(
      fc.property(orders, (order) => {
        const { failures, disruptions, state } = scenario;
        expect(deliver(scenario, order)).toMatchObject({ failures, disruptions, state, attempts: 1 });
      }),
      { numRuns: 200 },
    );
  });
});
