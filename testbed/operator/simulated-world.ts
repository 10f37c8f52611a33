/**
 * A simulated world for property tests: attempts begin, end, vanish or are disrupted as the test says, and the process that carries out a
 * plan can be killed halfway.
 */

import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { type HoldCause, isActive, type Observed, type StageRun } from '@carpal/operator/experiment/observed.ts';
import { type Plan, plan } from '@carpal/operator/experiment/plan.ts';

export type Ending = 'success' | 'failure' | 'final' | 'stopped' | 'disrupted' | 'infrastructure';

const ENDINGS: Record<Ending, Partial<StageRun>> = {
  success: { state: 'succeeded', exitCode: 0 },
  failure: { state: 'failed', exitCode: 1 },
  final: { state: 'failed', exitCode: 78 },
  stopped: { state: 'failed', exitCode: 75 },
  disrupted: { state: 'failed', exitCode: 137, disrupted: true },
  infrastructure: { state: 'failed', exitCode: 74 },
};

/** How far a plan is carried out before the process is killed. `status`: only the status is written. */
export type Extent = 'nothing' | 'status' | 'stops' | 'all';

export type World = {
  readonly runs: readonly StageRun[];
  readonly status?: ExperimentStatus;
  readonly nowMs: number;
  /** How the substrate shows a stopped attempt: as `stopRequested` (processes) or as `deleting` (Jobs). */
  readonly shows?: 'stopRequested' | 'deleting';
  /** Whether every running stage has made no progress since it started, as the last read of its report shows. */
  readonly isStalled?: boolean;
};

export const EMPTY_WORLD: World = { runs: [], nowMs: Date.UTC(2000, 0, 1) };

const iso = (nowMs: number): string => new Date(nowMs).toISOString();

function observe(world: World): Observed {
  const beats = world.runs.map(({ stage, fold, startedAt }) => ({
    stage,
    ...(fold === undefined ? {} : { fold }),
    changedAt: startedAt ?? iso(world.nowMs),
    readAt: iso(world.nowMs),
  }));
  const progress = { folds: new Map(), ...(world.isStalled === true ? { heartbeats: beats } : {}) };
  return { runs: world.runs, held: [], progress, ...(world.status === undefined ? {} : { status: world.status }) };
}

/** The plan for this world. */
export function planFor(world: World, experiment: SegmentationExperiment): Plan {
  return plan(experiment, observe(world), new Date(world.nowMs));
}

/** The world after a plan was carried out up to `extent`. Starting a name that already exists does nothing, as with Jobs. */
export function carryOut(world: World, planned: Plan, extent: Extent): World {
  if (extent === 'nothing') return world;
  const written: World = { ...world, status: planned.status };
  if (extent === 'status') return written;
  const stopping = world.runs
    .filter(({ name }) => !planned.abandon.includes(name))
    .map((run) => (planned.stop.includes(run.name) ? { ...run, [world.shows ?? 'stopRequested']: true } : run));
  if (extent === 'stops') return { ...written, runs: stopping };
  const fresh = planned.start
    .filter(({ name }) => !stopping.some((run) => run.name === name))
    .map((start): StageRun => ({ ...start, state: 'pending', pendingSince: iso(world.nowMs) }));
  return { ...written, runs: [...stopping, ...fresh].filter(({ name }) => !planned.remove.includes(name)) };
}

/** The world after a plan was carried out whose starts all failed for this reason, and after the plan that follows in the same step. */
export function carryOutHeld(world: World, experiment: SegmentationExperiment, planned: Plan, cause: HoldCause): World {
  const written = carryOut(world, { ...planned, start: [] }, 'all');
  const held = planned.start.map((start) => ({ ...start, message: 'no', againMs: 1000, cause }));
  const second = plan(experiment, { ...observe(written), held }, new Date(world.nowMs));
  return carryOut(written, second, 'all');
}

/** Changes the active attempt that `pick` selects. Does nothing if no attempt is active. */
function change(world: World, pick: number, changed: (run: StageRun) => readonly StageRun[]): World {
  const active = world.runs.filter(isActive);
  const chosen = active[pick % Math.max(1, active.length)];
  return chosen === undefined ? world : { ...world, runs: world.runs.flatMap((run) => (run === chosen ? changed(run) : [run])) };
}

/** One active attempt begins to run. */
export function begin(world: World, pick: number): World {
  return change(world, pick, (run) => [{ ...run, state: 'running', startedAt: run.startedAt ?? iso(world.nowMs) }]);
}

/** One active attempt ends. */
export function end(world: World, pick: number, ending: Ending): World {
  return change(world, pick, (run) => [
    { ...run, startedAt: run.startedAt ?? iso(world.nowMs), ...ENDINGS[ending], finishedAt: iso(world.nowMs) },
  ]);
}

/** The node of one active attempt no longer answers. */
export function lose(world: World, pick: number): World {
  return change(world, pick, (run) => [{ ...run, state: 'running', startedAt: run.startedAt ?? iso(world.nowMs), lost: true }]);
}

/** One active attempt that has not begun is explained: it waits for capacity, or for something that waiting alone does not solve. */
export function hinder(world: World, pick: number, waitsFor: 'capacity' | 'start'): World {
  return change(world, pick, (run) => [run.state === 'pending' ? { ...run, waitsFor, message: 'it waits' } : run]);
}

/** One active attempt is deleted without a trace. */
export function vanish(world: World, pick: number): World {
  return change(world, pick, () => []);
}

/** One active attempt is deleted by hand. It exists until it has ended. */
export function deleteByHand(world: World, pick: number): World {
  return change(world, pick, (run) => [{ ...run, deleting: true }]);
}

/** Time passes. */
export function wait(world: World, ms: number): World {
  return { ...world, nowMs: world.nowMs + ms };
}
