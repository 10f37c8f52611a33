import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { isTerminal } from '@carpal/configs/schema/status.ts';
import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import {
  begin,
  carryOut,
  deleteByHand,
  EMPTY_WORLD,
  type Ending,
  type Extent,
  end,
  planFor,
  vanish,
  type World,
  wait,
} from '@carpal/testbed/operator/simulated-world.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isActive } from './observed.ts';
import { entriesOf } from './stages.ts';

type Act =
  | { readonly act: 'step'; readonly extent: Extent }
  | { readonly act: 'end'; readonly pick: number; readonly ending: Ending }
  | { readonly act: 'begin' | 'vanish' | 'deleteByHand'; readonly pick: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'suspend' };

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
      ending: fc.constantFrom<Ending>('success', 'success', 'success', 'failure', 'stopped', 'disrupted', 'final'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('vanish' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('deleteByHand' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.constantFrom(0, 1000, 30_000, 600_000, 7_200_000) }) },
  { weight: 1, arbitrary: fc.constant({ act: 'suspend' as const }) },
);
const substrates = fc.constantFrom<World>({ ...EMPTY_WORLD, shows: 'stopRequested' }, { ...EMPTY_WORLD, shows: 'deleting' });
const runs = fc.record({ parallelism: fc.integer({ min: 1, max: 3 }), maxFailures: fc.nat(3), maxDisruptions: fc.nat(3) });

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
    case 'suspend':
      return world;
  }
}

const suspended = (experiment: SegmentationExperiment, suspend: boolean): SegmentationExperiment => ({
  ...experiment,
  spec: { ...experiment.spec, run: { ...experiment.spec.run, suspend } },
});

/** Checks the invariants of every world that plans have produced, regardless of when the process that carries them out died. */
function expectSound(world: World, experiment: SegmentationExperiment): void {
  const active = world.runs.filter(isActive);
  const keys = active.map((run) => `${run.stage} ${run.fold}`);
  expect(new Set(keys).size, 'one active attempt per stage').toBe(keys.length);
  expect(active.filter((run) => run.stage === 'fold').length, 'folds that are active at the same time').toBeLessThanOrEqual(
    experiment.spec.run.parallelism,
  );
  if (world.status === undefined) return;
  for (const [, stage] of entriesOf(world.status)) {
    expect(stage.failures).toBeLessThanOrEqual(experiment.spec.run.maxFailures + 1);
    expect(stage.disruptions).toBeLessThanOrEqual(experiment.spec.run.maxDisruptions + 1);
  }
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
  it('keeps parallelism and budgets, starts nothing twice, never reopens an ended experiment, and always reaches an end', () => {
    fc.assert(
      fc.property(substrates, runs, fc.array(acts, { maxLength: 60 }), (empty, run, story) => {
        let experiment = experimentWith({ ...run, startDeadline: '1h', foldDeadline: '10h' });
        let world = empty;
        for (const what of story) {
          if (what.act === 'suspend') experiment = suspended(experiment, !experiment.spec.run.suspend);
          const before = world;
          world = act(world, experiment, what);
          expectSound(world, experiment);
          if (isTerminal(before.status)) expect(world.status?.conditions).toEqual(before.status?.conditions);
        }
        expect(isTerminal(runToEnd(world, suspended(experiment, false), 'success').status)).toBe(true);
      }),
      { numRuns: 300 },
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
      fc.property(runs, fc.constantFrom<Ending>('failure', 'stopped', 'disrupted'), (run, ending) => {
        const experiment = experimentWith(run);
        const world = runToEnd(EMPTY_WORLD, experiment, ending);
        const tries = 1 + (ending === 'failure' ? run.maxFailures : run.maxDisruptions);
        expect(world.status?.prepare.attempts).toBe(tries);
        const leastMs = Array.from({ length: tries - 1 }, (_, index) => Math.min(10_000 * 2 ** index, 300_000)).reduce(
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
