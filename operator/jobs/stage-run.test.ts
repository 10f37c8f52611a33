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
import { at } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../experiment/retry-policy.ts';
import { keepJob, keepPod } from './kept-objects.ts';
import { stageRunOf, stageRunOfPods, withQueueReason } from './stage-run.ts';

/** The run as the substrate reads it from the objects in the operator's memory. */
const runOf = (theJob: Job, ...pods: readonly Pod[]) => stageRunOf(keepJob(theJob), pods.map(keepPod), at(130));

const policy = (exitCode: number, rule: number): string =>
  `Container stage for pod default/wrist-fold-0-1-7x2kp failed with exit code ${exitCode} matching FailJob rule at index ${rule}`;
const failedBy = (exitCode: number, rule = 3): Job =>
  job({ status: { conditions: failedConditions('PodFailurePolicy', policy(exitCode, rule)) } });
const disrupted = job({
  status: {
    conditions: failedConditions(
      'PodFailurePolicy',
      'Pod default/wrist-fold-0-1-7x2kp has condition DisruptionTarget matching FailJob rule at index 1',
    ),
  },
});
const beyondBackoff = job({
  status: { conditions: failedConditions('BackoffLimitExceeded', 'Job has reached the specified backoff limit') },
});
/** Deleted at second 90 with a grace period of 100 s. */
const deleted = { deletionTimestamp: time(190), deletionGracePeriodSeconds: 100 };

describe('an attempt that has not ended', () => {
  const scheduled = { type: 'PodScheduled', status: 'True' } as const;

  it.each<[string, ReturnType<typeof runOf>, object]>([
    ['is pending while its Job has no pod', runOf(job()), { state: 'pending', pendingSince: time(0) }],
    ['is queued while its queue holds the Job', runOf(job({ spec: { suspend: true, template: { spec: {} } } })), { state: 'queued' }],
    [
      'is pending since the time when its queue released it',
      runOf(
        job({
          status: { conditions: [jobCondition('Suspended', { status: 'False', reason: 'JobResumed', lastTransitionTime: time(3600) })] },
        }),
      ),
      { state: 'pending', pendingSince: time(3600) },
    ],
    [
      'is still queued if its queue has released it but the Job’s controller has not acted on that yet: no deadline may start at its creation',
      runOf(job({ status: { conditions: [jobCondition('Suspended')] } })),
      { state: 'queued' },
    ],
    [
      'is queued again if its queue takes it back',
      runOf(
        job({ spec: { suspend: true, template: { spec: {} } }, status: { conditions: [jobCondition('Suspended')] } }),
        runningPod({ metadata: deleted }),
      ),
      { state: 'queued' },
    ],
    ['is pending while its pod is pending', runOf(job(), pod({ status: { phase: 'Pending' }, spec: {} })), { state: 'pending' }],
    ['runs when its pod runs', runOf(job(), runningPod()), { state: 'running', startedAt: time(10), node: 'gpu-1' }],
    ['runs if the Job reports a ready pod before the pod is observed', runOf(job({ status: { ready: 1 } })), { state: 'running' }],
    ['runs until the Job reports its end', runOf(job(), failedPod({ exitCode: 1 })), { state: 'running', startedAt: time(10) }],
    [
      'runs while the Job waits for the last of its pods',
      runOf(job({ status: { conditions: [jobCondition('FailureTarget', { reason: 'PodFailurePolicy' })] } })),
      { state: 'running' },
    ],
    [
      'runs while its pod seems to run, even if the Job has failed: the observed pod is outdated',
      runOf(failedBy(1), runningPod()),
      { state: 'running' },
    ],
    [
      'is being deleted if its Job is',
      runOf(job({ metadata: { deletionTimestamp: time(50) } }), runningPod()),
      { state: 'running', deleting: true },
    ],
  ])('%s', (_case, run, expected) => {
    expect(run).toMatchObject({ stage: 'fold', fold: 0, attempt: 1, name: 'wrist-fold-0-1', ...expected });
    expect(run).not.toHaveProperty('stopRequested');
  });

  it.each<[string, Pod[], string]>([
    [
      'the scheduler’s message',
      [
        pod({
          spec: {},
          status: {
            phase: 'Pending',
            conditions: [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message:
                  '0/3 nodes are available: 3 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.',
              },
            ],
          },
        }),
      ],
      '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.',
    ],
    [
      'the kubelet’s error about an image',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled] },
          state: { waiting: { reason: 'ErrImagePull', message: 'failed to pull: not found' } },
        }),
      ],
      'ErrImagePull: failed to pull: not found',
    ],
    [
      'the kubelet’s error about an image, also while it waits for the next try',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled] },
          state: {
            waiting: {
              reason: 'ImagePullBackOff',
              message: 'Back-off pulling image "carpal@sha256:0": ErrImagePull: failed to pull: not found',
            },
          },
        }),
      ],
      'ErrImagePull: failed to pull: not found',
    ],
    [
      'the kubelet’s error about a missing Secret',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled] },
          state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "artifacts" not found' } },
        }),
      ],
      'CreateContainerConfigError: secret "artifacts" not found',
    ],
    [
      'the image that the node pulls',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled, { type: 'PodReadyToStartContainers', status: 'True' }] },
          state: { waiting: { reason: 'ContainerCreating' } },
        }),
      ],
      'node gpu-1 pulls the image',
    ],
    [
      'the volumes that the node sets up',
      [pod({ status: { phase: 'Pending', conditions: [scheduled] }, state: { waiting: { reason: 'ContainerCreating' } } })],
      'node gpu-1 sets up volumes and network',
    ],
    ['the command that shows why the Job has no pod', [], 'no pod yet; kubectl describe job wrist-fold-0-1 -n default shows why'],
  ])('is pending with a message that shows %s', (_case, pods, message) => {
    expect(runOf(job(), ...pods)?.message).toBe(message);
  });

  const unscheduled = (reason: string, message: string, at = 5): Pod =>
    pod({
      spec: {},
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime: time(at) }],
      },
    });
  const placed = { ...scheduled, lastTransitionTime: time(60) };

  it.each<[string, Pod[], Job, object]>([
    ['a GPU', [unscheduled('Unschedulable', '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.')], job(), { waitsFor: 'capacity' }],
    [
      'a node pool that has no node yet',
      [unscheduled('Unschedulable', 'no nodes available to schedule pods')],
      job(),
      { waitsFor: 'capacity' },
    ],
    ['a gate of another controller', [unscheduled('SchedulingGated', 'Scheduling is blocked')], job(), { waitsFor: 'capacity' }],
    ['a scheduler that has not seen it', [pod({ spec: {}, status: { phase: 'Pending' } })], job(), { waitsFor: 'capacity' }],
    [
      'a claim that does not exist',
      [unscheduled('Unschedulable', '0/1 nodes are available: persistentvolumeclaim "artifacts" not found. preemption: 0/1 nodes')],
      job(),
      { waitsFor: 'start', pendingSince: time(5) },
    ],
    [
      'its image, since it was scheduled and not since its creation',
      [pod({ status: { phase: 'Pending', conditions: [placed] }, state: { waiting: { reason: 'ImagePullBackOff', message: 'no' } } })],
      job(),
      { waitsFor: 'start', pendingSince: time(60) },
    ],
    ['its volumes', [pod({ status: { phase: 'Pending', conditions: [placed] } })], job(), { waitsFor: 'start', pendingSince: time(60) }],
    ['its pod', [], job(), { waitsFor: 'start', pendingSince: time(0) }],
  ])('waits for %s', (_what, pods, theJob, expected) => {
    expect(runOf(theJob, ...pods)).toMatchObject({ state: 'pending', pendingSince: time(0), ...expected });
  });

  it('that runs could begin when it was scheduled', () => {
    const running = runningPod({ status: { conditions: [placed] } });
    expect(runOf(job(), running)).toMatchObject({ state: 'running', pendingSince: time(60) });
  });

  const labels = { ...job().metadata.labels, 'kueue.x-k8s.io/queue-name': 'gpu-team' };
  const suspendedAt = (seconds: number): Job =>
    job({
      metadata: { labels },
      spec: { suspend: true, template: { spec: {} } },
      status: { conditions: [jobCondition('Suspended', { lastTransitionTime: time(seconds) })] },
    });

  it('shows the queue that holds it', () => {
    const run = runOf(suspendedAt(1));
    expect(run).toMatchObject({ queue: 'gpu-team', message: 'waits in queue gpu-team' });
    expect(run).not.toHaveProperty('evictedAt');
    expect(runOf(job({ metadata: { labels } }))).toMatchObject({ state: 'pending', queue: 'gpu-team' });
    expect(runOf(job({ spec: { suspend: true, template: { spec: {} } } }))?.message).toMatch(/names no queue/);
  });

  it('was evicted when its Job was suspended, if it has a pod', () => {
    expect(runOf(suspendedAt(100), runningPod({ metadata: deleted }))).toMatchObject({ state: 'queued', evictedAt: time(100) });
  });

  it('has ended, at no cost, if its Job is about to fail and has no start time: Kubernetes never calls such a Job failed', () => {
    const started = suspendedAt(100);
    const { startTime, ...status } = started.status ?? {};
    const conditions = [...(status.conditions ?? []), jobCondition('FailureTarget', { reason: 'PodFailurePolicy' })];
    const stuck: Job = { ...started, status: { ...status, conditions } };
    expect(runOf(stuck)).toMatchObject({ state: 'failed', stopRequested: true, reason: 'Suspended' });
    expect(runOf(stuck, runningPod())).toMatchObject({ state: 'queued' });
    expect(startTime).toBeDefined();
    expect(runOf({ ...started, status: { ...started.status, conditions } })).toMatchObject({ state: 'queued' });
  });

  it('has the queue’s own words and the time of its eviction', () => {
    const run = runOf(suspendedAt(100));
    expect(run && withQueueReason(run, { words: 'LocalQueue gpu-team doesn’t exist', evictedAt: time(99) })).toMatchObject({
      message: 'waits in queue gpu-team: LocalQueue gpu-team doesn’t exist',
      evictedAt: time(99),
    });
  });

  it('has its position before the words', () => {
    const run = runOf(suspendedAt(100));
    const position = { position: 3, of: 7, queue: 'ClusterQueue imaging' };
    expect(run && withQueueReason(run, { words: 'no unused quota', position })).toMatchObject({
      message: 'waits in queue gpu-team: position 3 of 7 in ClusterQueue imaging; no unused quota',
    });
  });
});

describe('an attempt whose node does not answer', () => {
  const pods = [runningPod({ metadata: deleted })];
  const seenAt = (theJob: Job, seconds: number) => stageRunOf(keepJob(theJob), pods.map(keepPod), at(seconds));
  const suspended = job({ spec: { suspend: true, template: { spec: {} } }, status: { conditions: [jobCondition('Suspended')] } });

  it('is lost a minute after its pod should have ended, grace period included', () => {
    expect(seenAt(job(), 250)).not.toHaveProperty('lost');
    expect(seenAt(job(), 251)).toMatchObject({ state: 'running', lost: true });
    expect(stageRunOfPods(pods.map(keepPod), at(251))).toMatchObject({ state: 'running', deleting: true, lost: true });
  });

  it('is lost whatever else is known about it: its queue took it back, or its Job is being deleted', () => {
    expect(seenAt(suspended, 251)).toMatchObject({ state: 'queued', lost: true });
    expect(seenAt(job({ metadata: { deletionTimestamp: time(90) } }), 251)).toMatchObject({ deleting: true, lost: true });
  });

  it('is not lost if its pod has ended, or was not deleted', () => {
    const ended = failedPod({ exitCode: 75 }, { metadata: deleted });
    expect(stageRunOf(keepJob(job()), [keepPod(ended)], at(9999))).not.toHaveProperty('lost');
    expect(stageRunOf(keepJob(job()), [keepPod(runningPod())], at(9999))).not.toHaveProperty('lost');
  });
});

describe('an attempt that succeeded', () => {
  const complete = job({
    status: {
      succeeded: 1,
      completionTime: time(121),
      conditions: ['SuccessCriteriaMet', 'Complete'].map((type) => jobCondition(type, { reason: 'CompletionsReached' })),
    },
  });
  const done = pod({
    status: { phase: 'Succeeded' },
    state: { terminated: { exitCode: 0, reason: 'Completed', startedAt: time(10), finishedAt: time(118) } },
  });

  it('has the times of its container', () => {
    expect(runOf(complete, done)).toMatchObject({ state: 'succeeded', startedAt: time(10), finishedAt: time(118), node: 'gpu-1' });
  });

  it('is still known as succeeded if its pod is gone', () => {
    expect(runOf(complete)).toMatchObject({ state: 'succeeded', finishedAt: time(121) });
  });

  it('does not count as succeeded before the Job is complete', () => {
    expect(runOf(job({ status: { conditions: [jobCondition('SuccessCriteriaMet')] } }), done)?.state).toBe('running');
  });
});

describe('an attempt that failed', () => {
  type Row = [name: string, run: ReturnType<typeof runOf>, kind: string, exitCode: number | undefined, message: RegExp];

  it.each<Row>([
    [
      'by its own error counts as a failure, with the end of its log',
      runOf(failedBy(1), failedPod({ exitCode: 1, message: 'loss is NaN\n' })),
      'failure',
      1,
      /^exit 1: loss is NaN$/,
    ],
    [
      'with an exit code that another attempt cannot fix is final',
      runOf(failedBy(78, 0), failedPod({ exitCode: 78 })),
      'final',
      78,
      /^exit 78/,
    ],
    ['with such an exit code is final even if its pod is gone', runOf(failedBy(65, 0)), 'final', 65, /^exit 65/],
    ['by its own error counts as a failure even if its pod is gone', runOf(failedBy(70)), 'failure', 70, /^exit 70$/],
    ['with a checkpoint counts as a disruption', runOf(failedBy(75, 2), failedPod({ exitCode: 75 })), 'disruption', 75, /checkpoint/],
    [
      'out of memory counts as a failure and says so',
      runOf(failedBy(137), failedPod({ exitCode: 137, reason: 'OOMKilled' })),
      'failure',
      137,
      /out of memory/,
    ],
    [
      'out of memory counts as a failure even if its pod was being deleted',
      runOf(failedBy(137), failedPod({ exitCode: 137, reason: 'OOMKilled' }, { metadata: deleted })),
      'failure',
      137,
      /out of memory/,
    ],
    [
      'because of a kill for an unknown reason counts as a failure, with a guess',
      runOf(failedBy(137), failedPod({ exitCode: 137 })),
      'failure',
      137,
      /often a lack of memory/,
    ],
    ['with SIGKILL counts as a disruption if its pod was deleted', runOf(failedBy(137)), 'disruption', 137, /pod was deleted/],
    ['with SIGTERM counts as a disruption if its pod was deleted', runOf(failedBy(143)), 'disruption', 143, /pod was deleted/],
    [
      'because of a drain counts as a disruption, with the reason of the eviction',
      runOf(
        disrupted,
        failedPod(
          { exitCode: 143 },
          { metadata: deleted, status: { conditions: [disruptionTarget('EvictionByEvictionAPI', 'Eviction API: evicting')] } },
        ),
      ),
      'disruption',
      143,
      /^exit 143, EvictionByEvictionAPI: node gpu-1: Eviction API: evicting$/,
    ],
    ['because of a drain counts as a disruption if its pod is gone', runOf(disrupted), 'disruption', undefined, /DisruptionTarget/],
    [
      'because of a preemption before it began counts as a disruption',
      runOf(
        disrupted,
        pod({ status: { phase: 'Failed', conditions: [disruptionTarget('PreemptionByScheduler', 'default-scheduler: preempting')] } }),
      ),
      'disruption',
      undefined,
      /preempting/,
    ],
    [
      'because an autoscaler deleted its pod without a condition counts as a disruption',
      runOf(failedBy(137), failedPod({ exitCode: 137 }, { metadata: deleted })),
      'disruption',
      137,
      /pod was deleted while it ran/,
    ],
    [
      'before its pod was deleted counts as a failure',
      runOf(failedBy(1), failedPod({ exitCode: 1, message: 'disk full', finishedAt: time(80) }, { metadata: deleted })),
      'failure',
      1,
      /disk full/,
    ],
    [
      'because its node shut down counts as a disruption',
      runOf(
        beyondBackoff,
        pod({ status: { phase: 'Failed', reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' } }),
      ),
      'disruption',
      undefined,
      /node shutdown/,
    ],
    [
      'because its node was lost counts as a disruption',
      runOf(beyondBackoff, pod({ status: { phase: 'Failed', reason: 'NodeLost' } })),
      'disruption',
      undefined,
      /^NodeLost/,
    ],
    [
      'because its container was lost counts as a disruption',
      runOf(failedBy(137), failedPod({ exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: '0001-01-01T00:00:00Z' })),
      'disruption',
      137,
      /container was lost/,
    ],
    [
      'because the node had no GPU after all counts as a disruption',
      runOf(
        beyondBackoff,
        pod({ status: { phase: 'Failed', reason: 'UnexpectedAdmissionError', message: 'Allocate failed: no healthy devices' } }),
      ),
      'disruption',
      undefined,
      /no healthy devices/,
    ],
    ['before it began counts as a disruption if its pod is gone', runOf(beyondBackoff), 'disruption', undefined, /pod was deleted/],
    [
      'over its own disk limit counts as a failure',
      runOf(
        failedBy(137),
        failedPod({ exitCode: 137 }, { status: { reason: 'Evicted', message: 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi".' } }),
      ),
      'failure',
      137,
      /Evicted: Usage of EmptyDir/,
    ],
    [
      'because its node lacked memory and evicted it counts as a disruption',
      runOf(
        disrupted,
        failedPod(
          { exitCode: 137 },
          {
            status: { reason: 'Evicted', conditions: [disruptionTarget('TerminationByKubelet', 'The node was low on resource: memory.')] },
          },
        ),
      ),
      'disruption',
      137,
      /low on resource/,
    ],
    [
      'past a deadline that someone else has set counts as a failure',
      runOf(job({ status: { conditions: failedConditions('DeadlineExceeded', 'Job was active longer than specified deadline') } })),
      'failure',
      undefined,
      /DeadlineExceeded/,
    ],
    [
      'because its queue took back its quota does not count',
      runOf({ ...failedBy(75, 2), spec: { suspend: true, template: { spec: {} } } }, failedPod({ exitCode: 75 })),
      'excused',
      75,
      /on request/,
    ],
    [
      'with a Job that is being deleted counts as a disruption if the planner did not stop it',
      runOf({ ...failedBy(1), metadata: job({ metadata: { deletionTimestamp: time(50) } }).metadata }, failedPod({ exitCode: 1 })),
      'disruption',
      1,
      /^exit 1/,
    ],
  ])('%s', (_case, run, kind, exitCode, message) => {
    expect(run).toMatchObject({ state: 'failed', finishedAt: expect.any(String) });
    expect(run?.exitCode).toBe(exitCode);
    const outcome = run === undefined ? undefined : outcomeOf(run);
    expect(outcome?.kind).toBe(kind);
    expect(outcome?.message).toMatch(message);
  });

  it('keeps the whole last output of its container, whatever caused its end', () => {
    const lines = Array.from({ length: 80 }, (_, index) => `line ${index} of forty characters or so, no more`).join('\n');
    expect(lines.length).toBeGreaterThan(3000);
    const evicted = { status: { conditions: [disruptionTarget('EvictionByEvictionAPI', 'evicting')] } };
    expect(runOf(failedBy(1), failedPod({ exitCode: 1, message: lines }))?.lastLines).toBe(lines);
    expect(runOf(disrupted, failedPod({ exitCode: 143, message: lines }, evicted))).toMatchObject({
      lastLines: lines,
      message: 'node gpu-1: evicting',
    });
    expect(runOf(failedBy(137), failedPod({ exitCode: 137, message: lines }))).toMatchObject({ lastLines: lines, reason: 'SIGKILL' });
  });

  it('has no last lines if the message is that of its node', () => {
    const run = runOf(failedBy(128), failedPod({ exitCode: 128, reason: 'StartError', message: 'exec: "carpal": not found' }));
    expect(run).not.toHaveProperty('lastLines');
    expect(run?.message).toBe('exec: "carpal": not found');
  });

  it('has no start time if none is known', () => {
    const run = runOf(failedBy(137), failedPod({ exitCode: 137, startedAt: '0001-01-01T00:00:00Z' }));
    expect(run).not.toHaveProperty('startedAt');
  });
});

describe('an attempt whose Job is gone', () => {
  const left = (...pods: readonly Pod[]) => stageRunOfPods(pods.map(keepPod), at(130));
  const orphan = { ownerReferences: [] };

  it('occupies its stage while its pod ends', () => {
    expect(left(runningPod({ metadata: deleted }))).toMatchObject({ name: 'wrist-fold-0-1', attempt: 1, state: 'running', deleting: true });
  });

  it('counts as being deleted as soon as its Job is gone: the garbage collector deletes the pod', () => {
    expect(left(runningPod())).toMatchObject({ state: 'running', deleting: true });
  });

  it('continues if its pods were orphaned', () => {
    const run = left(runningPod({ metadata: orphan }));
    expect(run?.state).toBe('running');
    expect(run).not.toHaveProperty('deleting');
  });

  it('has the outcome of its orphaned pod', () => {
    expect(left(failedPod({ exitCode: 65, message: 'x.png is truncated' }, { metadata: orphan }))).toMatchObject({
      state: 'failed',
      exitCode: 65,
    });
    expect(left(pod({ metadata: orphan, status: { phase: 'Succeeded' } }))?.state).toBe('succeeded');
  });

  it('is ignored if no label names it', () => {
    expect(left()).toBeUndefined();
    expect(left(pod({ metadata: { labels: { app: 'else' } } }))).toBeUndefined();
    expect(runOf(job({ metadata: { labels: { 'carpal.dev/stage': 'fold', 'carpal.dev/attempt': '1' } } }))).toBeUndefined();
  });
});
