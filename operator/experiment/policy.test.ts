/**
 * The policy of the planner. Each row is a situation, and each of its cases a decision: the state and the reason of stages, what is stopped
 * and started, and whether the experiment has ended. An experiment ends as Failed only when another attempt cannot help, or when a budget or
 * a deadline is used up, and every such end can be reversed with run.retry.
 */
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal } from '@carpal/configs/schema/status.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { heldManifestStatus } from './held-manifest.ts';
import type { HeldStart, StageRun } from './observed.ts';
import { type Plan, plan } from './plan.ts';
import { sameStage, stageTitle } from './stage.ts';
import { entriesOf, stageAt } from './stages.ts';

type Given = {
  /** Fields of spec.run. */
  readonly run?: Partial<SegmentationExperiment['spec']['run']>;
  readonly placement?: Partial<SegmentationExperiment['spec']['placement']>;
  /** The decision before, whose status is the last one. */
  readonly after?: Given;
  readonly runs?: readonly StageRun[];
  readonly held?: readonly HeldStart[];
  /** For each fold: when its report changed and when it was read, in seconds. */
  readonly heartbeats?: Readonly<Record<number, readonly [changed: number, read: number]>>;
  /** Seconds. */
  readonly at: number;
};

type Decision = {
  /** State and reason of stages: `Pending WaitingForCapacity`. Other stages are not checked. */
  readonly stages?: Readonly<Record<string, string>>;
  /** Names without the experiment's; nothing by default. */
  readonly stop?: readonly string[];
  readonly start?: readonly string[];
  readonly abandon?: readonly string[];
  /** The reason of the condition Failed if it is True. */
  readonly failed?: string;
  readonly complete?: true;
  /** Parts of the messages of stages. */
  readonly message?: readonly string[];
  /** When the planner looks again, in seconds. */
  readonly again?: number;
  readonly events?: readonly string[];
};

const [minute, hour, day, year] = [60, 3600, 86_400, 31_536_000];

function experimentOf({ run, placement }: Given): SegmentationExperiment {
  const made = experimentWith(run);
  return { ...made, spec: { ...made.spec, placement: { ...made.spec.placement, ...placement } } };
}

function decide(given: Given): Plan {
  const { runs = [], held = [], heartbeats = {} } = given;
  const observed = seen(runs, given.after === undefined ? undefined : decide(given.after).status);
  const beats = Object.entries(heartbeats).map(([index, [changed, read]]) => ({
    ...fold(Number(index)),
    changedAt: at(changed).toISOString(),
    readAt: at(read).toISOString(),
  }));
  return plan(experimentOf(given), { ...observed, held, progress: { ...observed.progress, heartbeats: beats } }, at(given.at));
}

function expectDecision(planned: Plan, expected: Decision): void {
  const short = (names: readonly string[]): string[] => names.map((name) => name.replace('wrist-', '')).toSorted();
  const { status } = planned;
  const stages = Object.fromEntries(
    entriesOf(status).map(([key, { state, reason }]) => [stageTitle(key), reason === undefined ? state : `${state} ${reason}`]),
  );
  const condition = (type: string) => status.conditions.find((one) => one.type === type && one.status === 'True');
  expect(stages).toMatchObject(expected.stages ?? {});
  expect({
    stop: short(planned.stop),
    start: short(planned.start.map(({ name }) => name)),
    abandon: short(planned.abandon),
    failed: condition('Failed')?.reason,
    complete: condition('Complete') === undefined ? undefined : true,
  }).toEqual({
    stop: [],
    start: [],
    abandon: [],
    failed: undefined,
    complete: undefined,
    ...Object.fromEntries(Object.entries(expected).filter(([name]) => ['stop', 'start', 'abandon', 'failed', 'complete'].includes(name))),
  });
  const messages = entriesOf(status).map(([, { message }]) => message ?? '');
  for (const part of expected.message ?? []) expect(messages.join('\n')).toContain(part);
  if (expected.again !== undefined) expect(planned.requeueAfterMs).toBe(expected.again * 1000);
  if (expected.events !== undefined) expect(planned.events.map(({ reason }) => reason)).toEqual(expected.events);
  // Every end says how the experiment continues.
  const failure = condition('Failed');
  if (failure !== undefined) expect(failure.message).toContain('run.retry');
}

const time = (seconds: number): string => at(seconds).toISOString();
const running = (index: number, number = 1, started = 1): StageRun => attempt(fold(index), number, { startedAt: time(started) });
const pending = (key: StageKey, message: string, fields: Partial<StageRun> = {}): StageRun =>
  attempt(key, 1, { state: 'pending', message, pendingSince: time(1), ...fields });
const ended = (key: StageKey, fields: Partial<StageRun>, number = 1, finished = 100): StageRun =>
  attempt(key, number, { state: 'failed', startedAt: time(finished - 10), finishedAt: time(finished), ...fields });
const done = (index: number, number = 1): StageRun => ended(fold(index), { state: 'succeeded', exitCode: 0 }, number);
const several = (count: number, fields: Partial<StageRun>): StageRun[] =>
  Array.from({ length: count }, (_, index) => ended(fold(0), fields, index + 1, 100 + index));
const hold = (key: StageKey, cause: HeldStart['cause'], message: string): HeldStart => ({
  ...key,
  attempt: 1,
  message,
  againMs: 20_000,
  ...(cause === undefined ? {} : { cause }),
});

const NO_GPU = '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.';
const NO_IMAGE = 'ErrImagePull: carpal:9 not found';
const NO_STORE = 'store-denied: the bucket denies PutObject';
const ONE = { folds: [0] };
const STARTED: Given = { run: ONE, runs: [prepared()], at: 1 };
const ALL_STARTED: Given = { runs: [prepared()], at: 1 };
const PREPARING: Given = { run: ONE, at: 0 };

type Case = readonly [title: string, given: Given, decision: Decision];

const ROWS: Record<string, readonly Case[]> = {
  'waiting for capacity (Unschedulable, Kueue queue, node pool scaling from zero)': [
    [
      'an unschedulable fold waits without a limit, with the words of the scheduler',
      { run: ONE, after: STARTED, runs: [prepared(), pending(fold(0), NO_GPU, { waitsFor: 'capacity' })], at: year },
      { stages: { 'fold 0': 'Pending WaitingForCapacity' }, message: [NO_GPU] },
    ],
    [
      'an unschedulable prepare waits without a limit',
      { run: ONE, after: PREPARING, runs: [pending(PREPARE, NO_GPU, { waitsFor: 'capacity' })], at: year },
      { stages: { prepare: 'Pending WaitingForCapacity' } },
    ],
    [
      'an attempt after a disruption waits without a limit as well',
      {
        run: ONE,
        runs: [
          prepared(),
          ended(fold(0), { disrupted: true }),
          attempt(fold(0), 2, { state: 'pending', waitsFor: 'capacity', message: NO_GPU }),
        ],
        at: year,
      },
      { stages: { 'fold 0': 'Pending WaitingForCapacity' } },
    ],
    [
      'three folds share one GPU: the start deadline passes while one trains and one waits, and nothing ends',
      {
        run: { startDeadline: '40s' },
        after: ALL_STARTED,
        runs: [prepared(), done(0), running(1), pending(fold(2), NO_GPU, { waitsFor: 'capacity' })],
        at: 200,
      },
      { stages: { 'fold 0': 'Succeeded StageFinished', 'fold 1': 'Running', 'fold 2': 'Pending WaitingForCapacity' } },
    ],
    [
      'a fold in a queue waits without a limit, with the words of the queue',
      {
        run: ONE,
        after: STARTED,
        runs: [prepared(), attempt(fold(0), 1, { state: 'queued', message: 'position 7', queue: '' })],
        at: year,
      },
      { stages: { 'fold 0': 'Queued Queued' }, message: ['position 7'] },
    ],
    [
      'a fold whose quota was taken back waits without a limit, and says so',
      {
        run: ONE,
        after: { run: ONE, after: STARTED, runs: [prepared(), running(0)], at: 50 },
        runs: [prepared(), attempt(fold(0), 1, { state: 'queued', evictedAt: time(60), message: 'preempted' })],
        at: year,
      },
      { stages: { 'fold 0': 'Queued StageEvicted' }, message: ['preempted'] },
    ],
    [
      'with run.capacityDeadline, an unschedulable fold fails at the deadline, and the others continue',
      {
        run: { capacityDeadline: '1h' },
        after: ALL_STARTED,
        runs: [prepared(), running(0), running(1), pending(fold(2), NO_GPU, { waitsFor: 'capacity' })],
        at: 1 + hour,
      },
      {
        stages: { 'fold 0': 'Running', 'fold 2': 'Failed CapacityDeadlineExceeded' },
        stop: ['fold-2-1'],
        message: [NO_GPU, 'run.capacityDeadline (1h)', 'raise run.capacityDeadline'],
      },
    ],
    [
      'the planner looks again at run.capacityDeadline',
      {
        run: { ...ONE, capacityDeadline: '1h' },
        after: STARTED,
        runs: [prepared(), pending(fold(0), NO_GPU, { waitsFor: 'capacity' })],
        at: hour - 9,
      },
      { stages: { 'fold 0': 'Pending WaitingForCapacity' }, again: 10 },
    ],
    [
      'run.capacityDeadline limits the time in a queue, which begins again when the queue takes the quota back',
      {
        run: { ...ONE, capacityDeadline: '1h' },
        after: STARTED,
        runs: [prepared(), attempt(fold(0), 1, { state: 'queued', evictedAt: time(1000) })],
        at: 1000 + hour - 1,
      },
      { stages: { 'fold 0': 'Queued StageEvicted' }, again: 1 },
    ],
    [
      'run.capacityDeadline ends the wait in a queue',
      {
        run: { ...ONE, capacityDeadline: '1h' },
        after: STARTED,
        runs: [prepared(), attempt(fold(0), 1, { state: 'queued', message: 'position 7' })],
        at: 2 * hour,
      },
      { failed: 'CapacityDeadlineExceeded', stop: ['fold-0-1'], message: ['position 7'] },
    ],
    [
      'a queued fold is replaced when it would be placed in another queue now',
      {
        run: ONE,
        after: STARTED,
        runs: [prepared(), attempt(fold(0), 1, { state: 'queued', queue: 'a', outdated: true })],
        at: 50,
      },
      { stages: { 'fold 0': 'Stopping Queued' }, stop: ['fold-0-1'] },
    ],
    [
      'an unschedulable fold is replaced when it would get other resources now',
      {
        run: ONE,
        after: STARTED,
        runs: [prepared(), pending(fold(0), NO_GPU, { waitsFor: 'capacity', outdated: true })],
        at: 50,
      },
      { stages: { 'fold 0': 'Stopping StagePending' }, stop: ['fold-0-1'] },
    ],
    [
      'the replacement uses no budget',
      {
        run: { ...ONE, maxFailures: 0, maxDisruptions: 0 },
        after: { run: ONE, after: STARTED, runs: [prepared(), attempt(fold(0), 1, { state: 'queued', outdated: true })], at: 50 },
        runs: [prepared()],
        at: 60,
      },
      { start: ['fold-0-2'] },
    ],
    [
      'the next operator asks again for the stop of a fold that is to be replaced',
      {
        run: ONE,
        after: { run: ONE, after: STARTED, runs: [prepared(), attempt(fold(0), 1, { state: 'queued', outdated: true })], at: 50 },
        runs: [prepared(), attempt(fold(0), 1, { state: 'queued' })],
        at: 60,
      },
      { stages: { 'fold 0': 'Stopping Queued' }, stop: ['fold-0-1'] },
    ],
  ],

  'cannot start (image, config, Job refused with field causes)': [
    [
      'a fold without an image waits until run.startDeadline',
      { run: ONE, after: STARTED, runs: [prepared(), pending(fold(0), NO_IMAGE, { waitsFor: 'start' })], at: 2 * hour },
      { stages: { 'fold 0': 'Pending StagePending' }, message: [NO_IMAGE], again: 1 },
    ],
    [
      'a fold without an image fails at run.startDeadline, and the others continue',
      {
        after: ALL_STARTED,
        runs: [prepared(), running(0), running(1), pending(fold(2), NO_IMAGE, { waitsFor: 'start' })],
        at: 2 * hour + 1,
      },
      {
        stages: { 'fold 0': 'Running', 'fold 2': 'Failed StartDeadlineExceeded' },
        stop: ['fold-2-1'],
        message: [NO_IMAGE, 'run.startDeadline (2h)', 'raise run.startDeadline'],
      },
    ],
    [
      'the time before its pod got a node does not count',
      {
        run: ONE,
        after: STARTED,
        runs: [prepared(), pending(fold(0), NO_IMAGE, { waitsFor: 'start', pendingSince: time(day) })],
        at: day + hour,
      },
      { stages: { 'fold 0': 'Pending StagePending' }, again: hour },
    ],
    [
      'a refused Job is held and tried again',
      { run: ONE, after: PREPARING, held: [hold(PREPARE, 'refused', 'spec.nodeSelector: Invalid value')], at: 10 },
      { stages: { prepare: 'Starting InvalidManifest' }, message: ['spec.nodeSelector: Invalid value'], again: 20 },
    ],
    [
      'a refused Job is tried again by the next step',
      {
        run: ONE,
        after: { run: ONE, after: PREPARING, held: [hold(PREPARE, 'refused', 'invalid')], at: 10 },
        at: 30,
      },
      { start: ['prepare-1'] },
    ],
    [
      'a refused Job fails its stage at run.startDeadline',
      {
        run: ONE,
        after: { run: ONE, after: PREPARING, held: [hold(PREPARE, 'refused', 'invalid')], at: 10 },
        held: [hold(PREPARE, 'refused', 'invalid')],
        at: 10 + 2 * hour,
      },
      { failed: 'StartDeadlineExceeded', message: ['invalid', 'placement'] },
    ],
    [
      'run.startDeadline counts from the first refusal, not from a denial before it',
      {
        run: ONE,
        after: { run: ONE, after: PREPARING, held: [hold(PREPARE, 'denied', 'exceeded quota')], at: 10 },
        held: [hold(PREPARE, 'refused', 'invalid')],
        at: day,
      },
      { stages: { prepare: 'Starting InvalidManifest' } },
    ],
  ],

  'Job creation denied by a policy, quota or webhook': [
    [
      'a denied Job is held without a limit, with the words of the policy',
      {
        run: ONE,
        after: { run: ONE, after: PREPARING, held: [hold(PREPARE, 'denied', 'exceeded quota: jobs')], at: 10 },
        held: [hold(PREPARE, 'denied', 'exceeded quota: jobs')],
        at: year,
      },
      { stages: { prepare: 'Starting StageDenied' }, message: ['exceeded quota: jobs'], again: 20, events: [] },
    ],
    [
      'a denied Job is tried again by the next step',
      { run: ONE, after: { run: ONE, after: PREPARING, held: [hold(PREPARE, 'denied', 'denied')], at: 10 }, at: 30 },
      { start: ['prepare-1'] },
    ],
    [
      'a denied retry of a fold stops no other fold',
      {
        after: { runs: [prepared(), ended(fold(0), { exitCode: 1 }), running(1), running(2)], at: 500 },
        runs: [prepared(), ended(fold(0), { exitCode: 1 }), running(1), running(2)],
        held: [{ ...hold(fold(0), 'denied', 'denied the request'), attempt: 2 }],
        at: 501,
      },
      { stages: { 'fold 0': 'Starting StageDenied', 'fold 1': 'Running' } },
    ],
    [
      'an API server in trouble has no deadline',
      {
        run: ONE,
        after: { run: ONE, after: PREPARING, held: [hold(PREPARE, undefined, 'no answer')], at: 10 },
        held: [hold(PREPARE, undefined, 'no answer')],
        at: year,
      },
      { stages: { prepare: 'Starting StagePending' } },
    ],
    [
      'a namespace that is being deleted causes no event and no message',
      { run: ONE, after: PREPARING, held: [hold(PREPARE, 'terminating', 'because it is being terminated')], at: 10 },
      { stages: { prepare: 'Starting' }, events: [], again: 20 },
    ],
  ],

  'artifact store denied or misplaced, read-only folder, expired credentials': [
    [
      'exit 74 is retried after a minute and counts as a disruption',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 74, message: NO_STORE })], at: 100 },
      { stages: { 'fold 0': 'Waiting StoreUnavailable' }, message: [NO_STORE], again: minute },
    ],
    [
      'exit 74 is retried more slowly each time',
      { run: ONE, runs: [prepared(), ...several(3, { exitCode: 74 })], at: 102 },
      { stages: { 'fold 0': 'Waiting StoreUnavailable' }, again: 4 * minute },
    ],
    [
      'exit 74 is retried at least every 15 minutes',
      { run: ONE, runs: [prepared(), ...several(12, { exitCode: 74 })], at: 111 },
      { stages: { 'fold 0': 'Waiting StoreUnavailable' }, again: 15 * minute },
    ],
    [
      'exit 74 of prepare does not end the experiment',
      { run: ONE, runs: [ended(PREPARE, { exitCode: 74 })], at: 100 },
      { stages: { prepare: 'Waiting StoreUnavailable' } },
    ],
    [
      'exit 74 fails the fold when run.maxDisruptions is used up',
      { run: { ...ONE, maxDisruptions: 2 }, runs: [prepared(), ...several(3, { exitCode: 74, message: NO_STORE })], at: 200 },
      { failed: 'DisruptionBudgetExceeded', message: [NO_STORE, 'run.maxDisruptions is 2', 'make the artifact store usable'] },
    ],
  ],

  'manifest or data wrong (exit 64, 65, 78)': [
    ...[64, 65, 78].map(
      (exitCode): Case => [
        `exit ${exitCode} of a fold is final, and the others continue`,
        { runs: [prepared(), ended(fold(0), { exitCode, message: 'x.png is truncated' }), running(1), running(2)], at: 101 },
        { stages: { 'fold 0': 'Failed InvalidData', 'fold 1': 'Running' }, message: ['x.png is truncated', 'fix the data'] },
      ],
    ),
    ['exit 65 of prepare ends the experiment', { runs: [ended(PREPARE, { exitCode: 65 })], at: 101 }, { failed: 'InvalidData' }],
    [
      'exit 78 of the ensemble ends the experiment',
      { run: ONE, runs: [prepared(), done(0), ended(ENSEMBLE, { exitCode: 78 })], at: 101 },
      { failed: 'InvalidData', stages: { 'fold 0': 'Succeeded StageFinished' } },
    ],
  ],

  'program failure, OOM': [
    [
      'a failure is retried within run.maxFailures',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 1 })], at: 100 },
      { stages: { 'fold 0': 'Waiting StageFailed' }, again: 10 },
    ],
    [
      'a failure starts the next attempt after the delay',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 1 })], at: 110 },
      { start: ['fold-0-2'] },
    ],
    [
      'a fold fails when run.maxFailures is used up',
      { run: ONE, runs: [prepared(), ...several(3, { exitCode: 1, message: 'loss is NaN' })], at: 200 },
      { failed: 'FailureBudgetExceeded', message: ['loss is NaN', 'run.maxFailures is 2', 'raise run.retry to 1'] },
    ],
    [
      'OOM says the limit',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 137, reason: 'OOMKilled' })], at: 100 },
      { stages: { 'fold 0': 'Waiting OutOfMemory' }, message: ['the limit is 48Gi (placement.memory)'] },
    ],
    [
      'OOM says which field to raise, with a command that continues the experiment',
      { run: { ...ONE, maxFailures: 0 }, runs: [prepared(), ended(fold(0), { exitCode: 137, reason: 'OOMKilled' })], at: 100 },
      {
        failed: 'FailureBudgetExceeded',
        message: [
          'the limit is 48Gi (placement.memory)',
          `kubectl patch segx wrist -n default --type=merge -p '{"spec":{"placement":{"memory":"96Gi"},"run":{"retry":1}}}'`,
        ],
      },
    ],
    [
      'OOM of a stage with a limit of its own names that field',
      {
        run: { ...ONE, maxFailures: 0 },
        placement: { prepare: { memory: '3.5Gi' } },
        runs: [ended(PREPARE, { exitCode: 137, reason: 'OOMKilled' })],
        at: 100,
      },
      {
        failed: 'FailureBudgetExceeded',
        message: ['the limit is 3.5Gi (placement.prepare.memory)', '{"spec":{"placement":{"prepare":{"memory":"more than 3.5Gi"}},"run"'],
      },
    ],
  ],

  'preemption, drain, eviction, node lost, exit 75': [
    [
      'an eviction is retried after a short delay',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 143, disrupted: true, message: 'node drained' })], at: 100 },
      { stages: { 'fold 0': 'Waiting StageDisrupted' }, message: ['node drained'], again: 10 },
    ],
    [
      'exit 75 is retried',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 75 })], at: 110 },
      { start: ['fold-0-2'], stages: { 'fold 0': 'Starting StoppedWithCheckpoint' } },
    ],
    [
      'an attempt that vanished is retried',
      { run: ONE, after: { run: ONE, runs: [prepared(), running(0)], at: 50 }, runs: [prepared()], at: 60 },
      { stages: { 'fold 0': 'Waiting StageDisrupted' } },
    ],
    [
      'a lost attempt is abandoned and counts as a disruption',
      {
        run: ONE,
        after: { run: ONE, runs: [prepared(), running(0)], at: 50 },
        runs: [prepared(), { ...running(0), node: 'gpu-1', deleting: true, lost: true }],
        at: 60,
      },
      { stages: { 'fold 0': 'Waiting StageDisrupted' }, abandon: ['fold-0-1'], message: ['NodeLost: node gpu-1 no longer answers'] },
    ],
    [
      'a lost attempt is abandoned before its successor starts, and again as long as it exists',
      {
        run: ONE,
        after: {
          run: ONE,
          after: { run: ONE, runs: [prepared(), running(0)], at: 50 },
          runs: [prepared(), { ...running(0), lost: true }],
          at: 60,
        },
        runs: [prepared(), { ...running(0), lost: true }],
        at: 70,
      },
      { abandon: ['fold-0-1'], start: ['fold-0-2'] },
    ],
    [
      'a lost attempt of a suspended experiment uses no budget',
      {
        run: { ...ONE, suspend: true, maxDisruptions: 0 },
        after: { run: { ...ONE, suspend: true }, runs: [prepared(), running(0)], at: 50 },
        runs: [prepared(), { ...running(0), lost: true }],
        at: 60,
      },
      { stages: { 'fold 0': 'Stopped StoppedWithCheckpoint' }, abandon: ['fold-0-1'] },
    ],
    [
      'a lost attempt of an experiment that has ended is abandoned as well',
      {
        run: { onFoldFailure: 'stop' },
        after: { run: { onFoldFailure: 'stop' }, runs: [prepared(), ended(fold(0), { exitCode: 65 }), running(1)], at: 101 },
        runs: [prepared(), ended(fold(0), { exitCode: 65 }), { ...running(1), lost: true }],
        at: 200,
      },
      { failed: 'InvalidData', abandon: ['fold-1-1'] },
    ],
    [
      'a fold is retried 20 times by default',
      { run: ONE, runs: [prepared(), ...several(20, { exitCode: 75 })], at: 1000 },
      { start: ['fold-0-21'] },
    ],
    [
      'a fold fails when run.maxDisruptions is used up',
      { run: ONE, runs: [prepared(), ...several(21, { exitCode: 75 })], at: 1000 },
      { failed: 'DisruptionBudgetExceeded', message: ['run.maxDisruptions is 20', 'raise run.maxDisruptions'] },
    ],
    [
      'an end in the future, by the clock of the node, delays the retry no longer than the delay',
      { run: ONE, runs: [prepared(), ended(fold(0), { exitCode: 75 }, 1, 100 + 3 * hour)], at: 100 },
      { stages: { 'fold 0': 'Waiting StoppedWithCheckpoint' }, again: 10 },
    ],
  ],

  'no progress for `run.stallTimeout` (default 30m; a heartbeat, not an epoch)': [
    [
      'a fold without a heartbeat is stopped',
      { after: ALL_STARTED, runs: [prepared(), running(0), running(1), running(2)], heartbeats: { 1: [100, 1900] }, at: 1900 },
      { stages: { 'fold 0': 'Running', 'fold 1': 'Stopping StageStalled' }, stop: ['fold-1-1'], message: ['run.stallTimeout (30m)'] },
    ],
    [
      'a fold with a heartbeat continues, and is looked at again',
      { run: ONE, after: STARTED, runs: [prepared(), running(0)], heartbeats: { 0: [100, 1890] }, at: 1890 },
      { stages: { 'fold 0': 'Running' }, again: 10 },
    ],
    [
      'a heartbeat of an attempt before counts from the start of this one',
      { run: ONE, runs: [prepared(), running(0, 1, 1000)], heartbeats: { 0: [100, 2799] }, at: 2799 },
      { stages: { 'fold 0': 'Running' } },
    ],
    [
      'a store that cannot be read is no stall',
      { run: ONE, runs: [prepared(), running(0)], heartbeats: { 0: [100, 200] }, at: hour },
      { stages: { 'fold 0': 'Running' } },
    ],
    [
      'a fold whose reports are unknown is no stall',
      { run: ONE, runs: [prepared(), running(0)], at: hour },
      { stages: { 'fold 0': 'Running' } },
    ],
    [
      'the stop is requested again by the next operator, which has seen no heartbeat',
      {
        run: ONE,
        after: { run: ONE, runs: [prepared(), running(0)], heartbeats: { 0: [100, 1900] }, at: 1900 },
        runs: [prepared(), running(0)],
        at: 1910,
      },
      { stages: { 'fold 0': 'Stopping StageStalled' }, stop: ['fold-0-1'] },
    ],
    [
      'its end counts as a disruption, although the planner asked for it',
      {
        run: { ...ONE, maxDisruptions: 1 },
        after: { run: ONE, runs: [prepared(), running(0)], heartbeats: { 0: [100, 1900] }, at: 1900 },
        runs: [prepared(), ended(fold(0), { exitCode: 75, deleting: true, startedAt: time(1) }, 1, 1950)],
        at: 1950,
      },
      { stages: { 'fold 0': 'Waiting StageStalled' } },
    ],
    [
      'its end counts as a disruption, although the experiment was suspended meanwhile',
      {
        run: { ...ONE, suspend: true },
        after: {
          run: { ...ONE, suspend: true },
          after: { run: ONE, runs: [prepared(), running(0)], heartbeats: { 0: [100, 1900] }, at: 1900 },
          runs: [prepared(), { ...running(0), deleting: true }],
          at: 1910,
        },
        runs: [prepared()],
        at: 1950,
      },
      { stages: { 'fold 0': 'Waiting StageStalled' } },
    ],
    [
      'its end can use up run.maxDisruptions',
      {
        run: { ...ONE, maxDisruptions: 0 },
        after: { run: ONE, runs: [prepared(), running(0)], heartbeats: { 0: [100, 1900] }, at: 1900 },
        runs: [prepared()],
        at: 1950,
      },
      { failed: 'DisruptionBudgetExceeded', message: ['run.stallTimeout'] },
    ],
  ],

  'one fold fails for good': [
    [
      'the others finish, also those that have not started',
      { run: { parallelism: 1 }, runs: [prepared(), ended(fold(0), { exitCode: 65 })], at: 101 },
      { stages: { 'fold 0': 'Failed InvalidData', 'fold 2': 'Waiting' }, start: ['fold-1-1'] },
    ],
    [
      'the others are retried',
      { runs: [prepared(), ended(fold(0), { exitCode: 65 }), ended(fold(1), { exitCode: 1 }), running(2)], at: 110 },
      { start: ['fold-1-2'], stages: { 'fold 2': 'Running' } },
    ],
    [
      'the experiment fails once the others have finished, and starts no ensemble',
      { runs: [prepared(), ended(fold(0), { exitCode: 65 }), done(1), done(2)], at: 101 },
      { failed: 'InvalidData', stages: { 'fold 1': 'Succeeded StageFinished', ensemble: 'Waiting' } },
    ],
    [
      'with run.onFoldFailure: stop, the others are stopped with a checkpoint',
      { run: { onFoldFailure: 'stop' }, runs: [prepared(), ended(fold(0), { exitCode: 65 }), running(1), done(2)], at: 101 },
      { failed: 'InvalidData', stages: { 'fold 1': 'Stopped', 'fold 2': 'Succeeded StageFinished' }, stop: ['fold-1-1'] },
    ],
    [
      'a fold that trains for too long is stopped, and the others continue',
      { run: { foldDeadline: '1h' }, runs: [prepared(), running(0), running(1, 1, 100), done(2)], at: 1 + hour },
      {
        stages: { 'fold 0': 'Failed FoldDeadlineExceeded', 'fold 1': 'Running' },
        stop: ['fold-0-1'],
        message: ['run.foldDeadline (1h)', 'raise run.foldDeadline'],
      },
    ],
    [
      'a failed fold that is still stopping keeps its place',
      {
        run: { foldDeadline: '1h', parallelism: 1 },
        runs: [prepared(), { ...running(0), deleting: true }],
        at: 1 + hour,
      },
      { stages: { 'fold 0': 'Failed FoldDeadlineExceeded', 'fold 1': 'Waiting' } },
    ],
    [
      'prepare that runs for too long ends the experiment',
      { run: { stageDeadline: '1h' }, runs: [attempt(PREPARE, 1, {})], at: hour },
      { failed: 'StageDeadlineExceeded', stop: ['prepare-1'], message: ['run.stageDeadline (1h)', 'raise run.stageDeadline'] },
    ],
    [
      'an ensemble that runs for too long ends the experiment',
      { run: ONE, runs: [prepared(), done(0), attempt(ENSEMBLE, 1, { startedAt: time(200) })], at: 200 + 6 * hour },
      { failed: 'StageDeadlineExceeded', stop: ['ensemble-1'] },
    ],
  ],
};

describe.each(Object.entries(ROWS))('%s', (_situation, cases) => {
  it.each(cases)('%s', (_title, given, decision) => {
    expectDecision(decide(given), decision);
  });
});

describe('an unknown enum value or rule of another operator version', () => {
  const FINDING = { path: ['spec', 'scheduler', 'name'], message: '"Later" is unknown', fix: 'Use Cosine.' };

  it.each<[string, ExperimentStatus | undefined]>([
    ['an experiment that has not begun', undefined],
    ['an experiment that trains', decide({ ...ALL_STARTED, runs: [prepared(), running(0), running(1)] }).status],
    ['an experiment whose fold has failed', decide({ runs: [prepared(), ended(fold(0), { exitCode: 65 }), running(1)], at: 101 }).status],
  ])('holds %s, and never ends it', (_title, before) => {
    const held = heldManifestStatus([FINDING], { generation: 2 }, before, at(year));
    expect(isTerminal(held)).toBe(false);
    expect(held.conditions.find(({ type }) => type === 'Held')).toMatchObject({ status: 'True', reason: 'ManifestNotUnderstood' });
    expect([held.state, held.folds]).toEqual([before?.state ?? 'Pending', before?.folds ?? []]);
  });

  it('continues once it is understood', () => {
    const runs = [prepared(), running(0)];
    const { status } = plan(experimentWith(ONE), seen(runs), at(10));
    const held = heldManifestStatus([FINDING], {}, status, at(20));
    const planned = plan(experimentWith(ONE), seen([prepared(), done(0)], held), at(100));
    expectDecision(planned, { start: ['ensemble-1'], stages: { 'fold 0': 'Succeeded StageFinished' } });
  });
});

/** Ends of an experiment, each with the runs of its last step. */
const ENDS: readonly Given[] = Object.values(ROWS)
  .flat()
  .filter(([, , { failed }]) => failed !== undefined)
  .map(([, given]) => given);

describe('every end', () => {
  it('is reversed by run.retry: failed stages get new budgets and start again, finished ones stay, and attempts stay counted', () => {
    expect(ENDS.length).toBeGreaterThan(10);
    for (const given of ENDS) {
      const before = decide(given).status;
      const runs = (given.runs ?? []).filter(({ state }) => state === 'succeeded' || state === 'failed');
      const again = plan(experimentOf({ ...given, run: { ...given.run, retry: 1 } }), seen(runs, before), at(given.at + 1));
      expect(isTerminal(again.status)).toBe(false);
      expect(again.status).toMatchObject({ retry: 1 });
      expect(again.status).not.toHaveProperty('finishedAt');
      for (const [key, stage] of entriesOf(again.status)) {
        const old = stageAt(before, key);
        expect(stage.attempts).toBe((old?.attempts ?? 0) + (again.start.some((start) => sameStage(start, key)) ? 1 : 0));
        if (old?.state === 'Failed')
          expect([stage.failures, stage.disruptions, stage.activeSeconds, stage.state]).toEqual([0, 0, 0, 'Starting']);
        if (old?.state === 'Succeeded') expect(stage).toEqual(old);
      }
    }
  });
});
