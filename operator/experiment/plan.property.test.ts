import { durationMs } from '@carpal/configs/duration.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal, isTrue, type StageStatus } from '@carpal/configs/schema/status.ts';
import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import {
  begin,
  carryOut,
  carryOutHeld,
  deleteByHand,
  EMPTY_WORLD,
  type Ending,
  type Extent,
  end,
  hinder,
  lose,
  planFor,
  vanish,
  type World,
  wait,
} from '@carpal/testbed/operator/simulated-world.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HoldCause, isActive, mustBeAbandoned } from './observed.ts';
import { DEFAULT_RETRY } from './retry-policy.ts';
import { entriesOf, stageAt } from './stages.ts';

type Act =
  | { readonly act: 'step'; readonly extent: Extent }
  | { readonly act: 'end'; readonly pick: number; readonly ending: Ending }
  | { readonly act: 'begin' | 'vanish' | 'deleteByHand' | 'lose'; readonly pick: number }
  | { readonly act: 'hinder'; readonly pick: number; readonly waitsFor: 'capacity' | 'start' }
  | { readonly act: 'hold'; readonly cause: HoldCause }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'suspend' | 'retry' | 'stall' };

const pick = fc.nat(9);
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('step' as const),
      extent: fc.constantFrom<Extent>('nothing', 'status', 'stops', 'all', 'all'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('begin' as const), pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant('end' as const),
      pick,
      ending: fc.constantFrom<Ending>('success', 'success', 'success', 'failure', 'stopped', 'disrupted', 'infrastructure', 'final'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('vanish' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('deleteByHand' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('lose' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constant('hinder' as const), pick, waitsFor: fc.constantFrom('capacity' as const, 'start' as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('hold' as const),
      cause: fc.constantFrom<HoldCause>('denied', 'refused', 'trouble', 'terminating'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.constantFrom(0, 1000, 30_000, 600_000, 7_200_000) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('suspend' as const, 'retry' as const, 'stall' as const) }) },
);
const substrates = fc.constantFrom<World>({ ...EMPTY_WORLD, shows: 'stopRequested' }, { ...EMPTY_WORLD, shows: 'deleting' });
const runs = fc.record({
  parallelism: fc.integer({ min: 1, max: 3 }),
  maxFailures: fc.nat(3),
  maxDisruptions: fc.nat(3),
  onFoldFailure: fc.constantFrom('continue' as const, 'stop' as const),
});

function act(world: World, experiment: SegmentationExperiment, what: Act): World {
  switch (what.act) {
    case 'step':
      return carryOut(world, planFor(world, experiment), what.extent);
    case 'begin':
      return begin(world, what.pick);
    case 'end':
      return end(world, what.pick, what.ending);
    case 'vanish':
      return vanish(world, what.pick);
    case 'deleteByHand':
      return deleteByHand(world, what.pick);
    case 'wait':
      return wait(world, what.ms);
    case 'lose':
      return lose(world, what.pick);
    case 'hinder':
      return hinder(world, what.pick, what.waitsFor);
    case 'hold':
      return carryOutHeld(world, experiment, planFor(world, experiment), what.cause);
    case 'stall':
      return { ...world, isStalled: world.isStalled !== true };
    case 'suspend':
    case 'retry':
      return world;
  }
}

const changed = (experiment: SegmentationExperiment, run: Partial<SegmentationExperiment['spec']['run']>): SegmentationExperiment => ({
  ...experiment,
  spec: { ...experiment.spec, run: { ...experiment.spec.run, ...run } },
});

const suspended = (experiment: SegmentationExperiment, suspend: boolean): SegmentationExperiment => changed(experiment, { suspend });

const retried = (experiment: SegmentationExperiment): SegmentationExperiment =>
  changed(experiment, { retry: experiment.spec.run.retry + 1 });

/** Checks the invariants of every world that plans have produced, regardless of when the process that carries them out died. */
function expectSound(world: World, experiment: SegmentationExperiment): void {
  const active = world.runs.filter(isActive);
  const existing = world.runs.filter((run) => isActive(run) || mustBeAbandoned(run));
  const keys = existing.map((run) => `${run.stage} ${run.fold}`);
  expect(new Set(keys).size, 'one active attempt per stage').toBe(keys.length);
  expect(active.filter((run) => run.stage === 'fold').length, 'folds that are active at the same time').toBeLessThanOrEqual(
    experiment.spec.run.parallelism,
  );
  if (world.status === undefined) return;
  for (const [, stage] of entriesOf(world.status)) {
    expect(stage.failures).toBeLessThanOrEqual(experiment.spec.run.maxFailures + 1);
    expect(stage.disruptions).toBeLessThanOrEqual(experiment.spec.run.maxDisruptions + 1);
    const listed = stage.lastAttempts?.map(({ attempt }) => attempt) ?? [];
    expect(listed, 'each attempt is counted once').toEqual([...new Set(listed)].toSorted((a, b) => a - b));
    if (stage.state === 'Failed') expectUsedUp(stage, world, experiment);
  }
}

/** A stage fails only because of a final exit, or because a budget or a deadline was used up. */
function expectUsedUp({ reason, failures, disruptions }: StageStatus, world: World, { spec: { run } }: SegmentationExperiment): void {
  const livedMs = world.nowMs - EMPTY_WORLD.nowMs;
  const isUsedUp: Partial<Record<string, boolean>> = {
    InvalidData: failures > 0,
    FailureBudgetExceeded: failures === run.maxFailures + 1,
    DisruptionBudgetExceeded: disruptions === run.maxDisruptions + 1,
    StartDeadlineExceeded: livedMs >= durationMs(run.startDeadline),
    FoldDeadlineExceeded: livedMs >= durationMs(run.foldDeadline),
    StageDeadlineExceeded: livedMs >= durationMs(run.stageDeadline),
  };
  expect(isUsedUp[reason ?? ''], `a stage failed: ${reason}`).toBe(true);
}

/** No count is ever lost, unless run.retry gave new budgets to a failed stage. */
function expectNothingLost(before: ExperimentStatus | undefined, after: ExperimentStatus | undefined): void {
  if (before === undefined || after === undefined) return;
  for (const [key, stage] of entriesOf(after)) {
    const old = stageAt(before, key);
    if (old === undefined) continue;
    expect(stage.attempts).toBeGreaterThanOrEqual(old.attempts);
    if (old.state === 'Succeeded') expect(stage).toEqual(old);
    if (old.state === 'Failed' && (after.retry ?? 0) > (before.retry ?? 0)) continue;
    expect(stage.failures).toBeGreaterThanOrEqual(old.failures);
    expect(stage.disruptions).toBeGreaterThanOrEqual(old.disruptions);
    expect(stage.activeSeconds).toBeGreaterThanOrEqual(old.activeSeconds);
  }
}

function expectOnlyRetryReopens(before: ExperimentStatus | undefined, after: ExperimentStatus | undefined): void {
  if (!isTerminal(before) || (after?.retry ?? 0) > (before?.retry ?? 0)) return;
  expect(after?.conditions).toEqual(before?.conditions);
}

/**
 * Plans and carries out steps until the experiment has ended. All attempts end the same way. Throws after an implausible number of steps.
 */
function runToEnd(start: World, experiment: SegmentationExperiment, ending: Ending): World {
  let world = start;
  for (let step = 0; step < 400; step++) {
    const planned = planFor(world, experiment);
    world = carryOut(world, planned, 'all');
    expectSound(world, experiment);
    const busy = world.runs.some(isActive);
    if (isTerminal(world.status) && !busy) return world;
    if (busy) world = end(world, step, ending);
    else if (planned.start.length === 0) {
      // Nothing runs and nothing starts: the plan must say when to look again.
      expect(planned.requeueAfterMs).toBeGreaterThan(0);
      world = wait(world, planned.requeueAfterMs ?? 0);
    }
  }
  throw new Error('the experiment did not end');
}

describe('the planner, with random events', () => {
  it('keeps parallelism and budgets, starts nothing twice, loses no count, fails only what is used up, and always reaches an end', () => {
    fc.assert(
      fc.property(substrates, runs, fc.array(acts, { maxLength: 60 }), (empty, run, story) => {
        let experiment = experimentWith({ ...run, startDeadline: '1h', foldDeadline: '10h' });
        let world = empty;
        for (const what of story) {
          if (what.act === 'suspend') experiment = suspended(experiment, !experiment.spec.run.suspend);
          if (what.act === 'retry') experiment = retried(experiment);
          const before = world;
          world = act(world, experiment, what);
          expectSound(world, experiment);
          expectNothingLost(before.status, world.status);
          expectOnlyRetryReopens(before.status, world.status);
        }
        const last = runToEnd({ ...world, isStalled: false }, suspended(experiment, false), 'success');
        // Whatever made it fail, run.retry continues it.
        const end = isTrue(last.status, 'Failed') ? runToEnd(last, suspended(retried(experiment), false), 'success') : last;
        expect(isTrue(end.status, 'Complete')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('makes the same plan again from the same world, and does not repeat requests that were carried out', () => {
    fc.assert(
      fc.property(substrates, runs, fc.array(acts, { maxLength: 40 }), (empty, run, story) => {
        const experiment = experimentWith(run);
        const world = story.reduce((before, what) => act(before, experiment, what), empty);
        const planned = planFor(world, experiment);
        expect(planFor(world, experiment)).toEqual(planned);
        const after = planFor(carryOut(world, planned, 'all'), experiment);
        expect(after.stop).toEqual([]);
        const twice = after.start.filter(({ name }) => planned.start.some((start) => start.name === name));
        expect(twice).toEqual([]);
        const settled = planFor(carryOut(carryOut(world, planned, 'all'), after, 'all'), experiment);
        expect([settled.start, settled.stop, settled.events]).toEqual([[], [], []]);
      }),
      { numRuns: 300 },
    );
  });

  it('uses each budget exactly, and waits longer each time, when everything fails', () => {
    fc.assert(
      fc.property(runs, fc.constantFrom<Ending>('failure', 'stopped', 'disrupted', 'infrastructure'), (run, ending) => {
        const experiment = experimentWith(run);
        const world = runToEnd(EMPTY_WORLD, experiment, ending);
        const tries = 1 + (ending === 'failure' ? run.maxFailures : run.maxDisruptions);
        expect(world.status?.prepare.attempts).toBe(tries);
        const { baseMs, longestMs } = ending === 'infrastructure' ? DEFAULT_RETRY.infrastructure : DEFAULT_RETRY;
        const leastMs = Array.from({ length: tries - 1 }, (_, index) => Math.min(baseMs * 2 ** index, longestMs)).reduce(
          (sum, ms) => sum + ms,
          0,
        );
        expect(world.nowMs - EMPTY_WORLD.nowMs).toBeGreaterThanOrEqual(leastMs);
      }),
    );
  });

  it('never retries after a final exit code', () => {
    const world = runToEnd(EMPTY_WORLD, experimentWith(), 'final');
    expect(world.status?.prepare).toMatchObject({ attempts: 1, state: 'Failed', reason: 'InvalidData' });
  });

  it('uses no budget for suspensions, regardless of their number', () => {
    fc.assert(
      fc.property(substrates, fc.integer({ min: 1, max: 8 }), (empty, times) => {
        const experiment = experimentWith({ maxFailures: 0, maxDisruptions: 0 });
        let world = carryOut(empty, planFor(empty, experiment), 'all');
        for (let time = 0; time < times; time++) {
          world = carryOut(world, planFor(world, suspended(experiment, true)), 'all');
          world = end(world, 0, 'stopped');
          world = carryOut(world, planFor(world, suspended(experiment, true)), 'all');
          world = carryOut(world, planFor(world, experiment), 'all');
        }
        expect(world.status?.prepare).toMatchObject({ failures: 0, disruptions: 0, attempts: times + 1 });
        expect(isTerminal(runToEnd(world, experiment, 'success').status)).toBe(true);
      }),
    );
  });
});
