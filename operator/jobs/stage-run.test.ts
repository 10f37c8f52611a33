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
} from '@carpal/testbed/kubernetes/attempt-objects.ts';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../experiment/retry-policy.ts';
import { keepJob, keepPod } from './kept-objects.ts';
import { stageRunOf, stageRunOfPods } from './stage-run.ts';

/** Through the projections, as the operator sees them. */
const runOf = (theJob: Job, ...pods: readonly Pod[]) => stageRunOf(keepJob(theJob), pods.map(keepPod));

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
/** Asked for at second 90 with 100 s of grace. */
const deleted = { deletionTimestamp: time(190), deletionGracePeriodSeconds: 100 };

describe('an attempt that has not ended', () => {
  const scheduled = { type: 'PodScheduled', status: 'True' } as const;

  it.each<[string, ReturnType<typeof runOf>, object]>([
    ['is pending while its Job has no pod', runOf(job()), { state: 'pending', pendingSince: time(0) }],
    ['is queued while its queue holds the Job', runOf(job({ spec: { suspend: true, template: { spec: {} } } })), { state: 'queued' }],
    [
      'is pending since its queue let it go',
      runOf(
        job({
          status: { conditions: [jobCondition('Suspended', { status: 'False', reason: 'JobResumed', lastTransitionTime: time(3600) })] },
        }),
      ),
      { state: 'pending', pendingSince: time(3600) },
    ],
    [
      'is still queued when its queue has let it go and the Job has yet to take note: no deadline may run from its creation',
      runOf(job({ status: { conditions: [jobCondition('Suspended')] } })),
      { state: 'queued' },
    ],
    [
      'is queued again when its queue takes it back',
      runOf(
        job({ spec: { suspend: true, template: { spec: {} } }, status: { conditions: [jobCondition('Suspended')] } }),
        runningPod({ metadata: deleted }),
      ),
      { state: 'queued' },
    ],
    ['is pending while its pod is', runOf(job(), pod({ status: { phase: 'Pending' }, spec: {} })), { state: 'pending' }],
    ['runs when its pod does', runOf(job(), runningPod()), { state: 'running', startedAt: time(10), node: 'gpu-1' }],
    ['runs when the Job says so before its pod is seen', runOf(job({ status: { ready: 1 } })), { state: 'running' }],
    ['runs until the Job has said how it ended', runOf(job(), failedPod({ exitCode: 1 })), { state: 'running', startedAt: time(10) }],
    [
      'runs while the Job waits for the last of its pods',
      runOf(job({ status: { conditions: [jobCondition('FailureTarget', { reason: 'PodFailurePolicy' })] } })),
      { state: 'running' },
    ],
    [
      'runs while its pod seems to, though the Job has failed: the sight of the pod is old',
      runOf(failedBy(1), runningPod()),
      { state: 'running' },
    ],
    [
      'is being deleted when its Job is',
      runOf(job({ metadata: { deletionTimestamp: time(50) } }), runningPod()),
      { state: 'running', deleting: true },
    ],
  ])('%s', (_case, run, expected) => {
    expect(run).toMatchObject({ stage: 'fold', fold: 0, attempt: 1, name: 'wrist-fold-0-1', ...expected });
    expect(run).not.toHaveProperty('stopRequested');
  });

  it.each<[string, Pod[], string]>([
    [
      'the scheduler',
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
      'the kubelet, of an image',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled] },
          state: { waiting: { reason: 'ErrImagePull', message: 'failed to pull: not found' } },
        }),
      ],
      'ErrImagePull: failed to pull: not found',
    ],
    [
      'the kubelet, of the same image while it waits for the next try',
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
      'the kubelet, of a Secret that is not there',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled] },
          state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "artifacts" not found' } },
        }),
      ],
      'CreateContainerConfigError: secret "artifacts" not found',
    ],
    [
      'the node, of an image that comes',
      [
        pod({
          status: { phase: 'Pending', conditions: [scheduled, { type: 'PodReadyToStartContainers', status: 'True' }] },
          state: { waiting: { reason: 'ContainerCreating' } },
        }),
      ],
      'node gpu-1 pulls the image',
    ],
    [
      'the node, of a volume that does not come',
      [pod({ status: { phase: 'Pending', conditions: [scheduled] }, state: { waiting: { reason: 'ContainerCreating' } } })],
      'node gpu-1 sets up volumes and network',
    ],
    ['nobody: the Job could not make a pod', [], 'it has no pod yet; kubectl describe job wrist-fold-0-1 -n default tells why'],
  ])('says why it waits, in the words of %s', (_case, pods, message) => {
    expect(runOf(job(), ...pods)?.message).toBe(message);
  });

  it('names the queue that holds it', () => {
    const labels = { ...job().metadata.labels, 'kueue.x-k8s.io/queue-name': 'gpu-team' };
    expect(runOf(job({ metadata: { labels }, spec: { suspend: true, template: { spec: {} } } }))?.message).toBe('waits in queue gpu-team');
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

  it('is still known for it when its pod is gone', () => {
    expect(runOf(complete)).toMatchObject({ state: 'succeeded', finishedAt: time(121) });
  });

  it('has not succeeded before the Job is complete', () => {
    expect(runOf(job({ status: { conditions: [jobCondition('SuccessCriteriaMet')] } }), done)?.state).toBe('running');
  });
});

describe('an attempt that failed', () => {
  type Row = [name: string, run: ReturnType<typeof runOf>, kind: string, exitCode: number | undefined, message: RegExp];

  it.each<Row>([
    [
      'by its own error: a failure, with the end of its log',
      runOf(failedBy(1), failedPod({ exitCode: 1, message: 'loss is NaN\n' })),
      'failure',
      1,
      /^exit 1: loss is NaN$/,
    ],
    ['with an exit that trying again cannot mend: final', runOf(failedBy(78, 0), failedPod({ exitCode: 78 })), 'final', 78, /^exit 78/],
    ['so, and its pod is gone: still final', runOf(failedBy(65, 0)), 'final', 65, /^exit 65/],
    ['by its own error, and its pod is gone: still a failure', runOf(failedBy(70)), 'failure', 70, /^exit 70$/],
    ['with a checkpoint: a disruption', runOf(failedBy(75, 2), failedPod({ exitCode: 75 })), 'disruption', 75, /checkpoint/],
    [
      'for want of memory: a failure that says so',
      runOf(failedBy(137), failedPod({ exitCode: 137, reason: 'OOMKilled' })),
      'failure',
      137,
      /out of memory/,
    ],
    [
      'for want of memory while its pod was being deleted: a failure all the same',
      runOf(failedBy(137), failedPod({ exitCode: 137, reason: 'OOMKilled' }, { metadata: deleted })),
      'failure',
      137,
      /out of memory/,
    ],
    [
      'killed, nobody says why: a failure with a guess',
      runOf(failedBy(137), failedPod({ exitCode: 137 })),
      'failure',
      137,
      /often for want of memory/,
    ],
    ['killed, and its pod was deleted: a disruption', runOf(failedBy(137)), 'disruption', 137, /pod was deleted/],
    ['terminated, and its pod was deleted: a disruption', runOf(failedBy(143)), 'disruption', 143, /pod was deleted/],
    [
      'drained: a disruption with the reason of the eviction',
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
    ['drained, and its pod is gone: a disruption', runOf(disrupted), 'disruption', undefined, /DisruptionTarget/],
    [
      'preempted before it had begun: a disruption',
      runOf(
        disrupted,
        pod({ status: { phase: 'Failed', conditions: [disruptionTarget('PreemptionByScheduler', 'default-scheduler: preempting')] } }),
      ),
      'disruption',
      undefined,
      /preempting/,
    ],
    [
      'deleted by an autoscaler without a condition: a disruption',
      runOf(failedBy(137), failedPod({ exitCode: 137 }, { metadata: deleted })),
      'disruption',
      137,
      /pod was deleted while it ran/,
    ],
    [
      'before somebody deleted its pod: a failure',
      runOf(failedBy(1), failedPod({ exitCode: 1, message: 'disk full', finishedAt: time(80) }, { metadata: deleted })),
      'failure',
      1,
      /disk full/,
    ],
    [
      'with its node’s shutdown: a disruption',
      runOf(
        beyondBackoff,
        pod({ status: { phase: 'Failed', reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' } }),
      ),
      'disruption',
      undefined,
      /node shutdown/,
    ],
    [
      'with its node: a disruption',
      runOf(beyondBackoff, pod({ status: { phase: 'Failed', reason: 'NodeLost' } })),
      'disruption',
      undefined,
      /^NodeLost/,
    ],
    [
      'because its container was never found again: a disruption',
      runOf(failedBy(137), failedPod({ exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: '0001-01-01T00:00:00Z' })),
      'disruption',
      137,
      /container was lost/,
    ],
    [
      'because the node had no GPU after all: a disruption',
      runOf(
        beyondBackoff,
        pod({ status: { phase: 'Failed', reason: 'UnexpectedAdmissionError', message: 'Allocate failed: no healthy devices' } }),
      ),
      'disruption',
      undefined,
      /no healthy devices/,
    ],
    ['before it began, and its pod is gone: a disruption', runOf(beyondBackoff), 'disruption', undefined, /pod was deleted/],
    [
      'over its own limit of disk: a failure',
      runOf(
        failedBy(137),
        failedPod({ exitCode: 137 }, { status: { reason: 'Evicted', message: 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi".' } }),
      ),
      'failure',
      137,
      /Evicted: Usage of EmptyDir/,
    ],
    [
      'evicted for its node’s want of memory: a disruption',
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
      'past a deadline that somebody else has set: a failure',
      runOf(job({ status: { conditions: failedConditions('DeadlineExceeded', 'Job was active longer than specified deadline') } })),
      'failure',
      undefined,
      /DeadlineExceeded/,
    ],
    [
      'because its queue took its place back: nothing counts',
      runOf({ ...failedBy(75, 2), spec: { suspend: true, template: { spec: {} } } }, failedPod({ exitCode: 75 })),
      'excused',
      75,
      /on request/,
    ],
    [
      'of a Job that is being deleted: a disruption, unless the planner had asked for it',
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

  it('keeps what its container said at its end, whole, whoever ended it', () => {
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

  it('has no last lines where the words are of its node', () => {
    const run = runOf(failedBy(128), failedPod({ exitCode: 128, reason: 'StartError', message: 'exec: "carpal": not found' }));
    expect(run).not.toHaveProperty('lastLines');
    expect(run?.message).toBe('exec: "carpal": not found');
  });

  it('has no time of its beginning when nobody knows it', () => {
    const run = runOf(failedBy(137), failedPod({ exitCode: 137, startedAt: '0001-01-01T00:00:00Z' }));
    expect(run).not.toHaveProperty('startedAt');
  });
});

describe('an attempt whose Job is gone', () => {
  const left = (...pods: readonly Pod[]) => stageRunOfPods(pods.map(keepPod));
  const orphan = { ownerReferences: [] };

  it('holds its place while its pod ends', () => {
    expect(left(runningPod({ metadata: deleted }))).toMatchObject({ name: 'wrist-fold-0-1', attempt: 1, state: 'running', deleting: true });
  });

  it('is as good as deleted as soon as its Job is: the garbage collector comes for the pod', () => {
    expect(left(runningPod())).toMatchObject({ state: 'running', deleting: true });
  });

  it('works on where its pods were left to themselves', () => {
    const run = left(runningPod({ metadata: orphan }));
    expect(run?.state).toBe('running');
    expect(run).not.toHaveProperty('deleting');
  });

  it('ends as its orphaned pod ends', () => {
    expect(left(failedPod({ exitCode: 65, message: 'x.png is truncated' }, { metadata: orphan }))).toMatchObject({
      state: 'failed',
      exitCode: 65,
    });
    expect(left(pod({ metadata: orphan, status: { phase: 'Succeeded' } }))?.state).toBe('succeeded');
  });

  it('is none where nothing says which it was', () => {
    expect(left()).toBeUndefined();
    expect(left(pod({ metadata: { labels: { app: 'else' } } }))).toBeUndefined();
    expect(runOf(job({ metadata: { labels: { 'carpal.dev/stage': 'fold', 'carpal.dev/attempt': '1' } } }))).toBeUndefined();
  });
});
