/** The figures of the folds, how much of the experiment is done, and when training should end. For people; no decision depends on them. */

import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { type FoldStatus, holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';
import { makespan } from './makespan.ts';
import type { ObservedProgress } from './observed.ts';
import { sameStage } from './stage.ts';
import type { Stages } from './stages.ts';

const toFourPlaces = (value: number): number => Math.round(value * 1e4) / 1e4;

/** The status has only significant digits; metrics.ndjson has all digits. */
const ROUNDED: Readonly<Record<string, (value: number) => number>> = {
  loss: (value) => Number(value.toPrecision(4)),
  dice: toFourPlaces,
  bestDice: toFourPlaces,
};

/** Whether the container that runs now wrote the report. */
const isOwn = ({ startedAt }: StageStatus, { updatedAt }: StageProgress): boolean =>
  startedAt !== undefined && Date.parse(updatedAt) >= Date.parse(startedAt);

/**
 * A fold's figures from its progress report, or else from the previous status. A report of the running container counts even if its epoch is
 * lower: the fold continues from an older checkpoint. Any other report may be out of date, so the epoch does not fall.
 */
export function foldFigures(stage: StageStatus, report: StageProgress | undefined, previous: FoldStatus | undefined): Partial<FoldStatus> {
  const figures: Partial<Record<'epoch' | 'epochs' | 'loss' | 'dice' | 'bestDice', number>> = {};
  const isOlder = report !== undefined && !isOwn(stage, report) && (report.epoch ?? 0) < (previous?.epoch ?? 0);
  for (const name of ['epoch', 'epochs', 'loss', 'dice', 'bestDice'] as const) {
    const value = (isOlder ? undefined : report?.[name]) ?? previous?.[name];
    if (value !== undefined && value !== null) figures[name] = ROUNDED[name]?.(value) ?? value;
  }
  return figures;
}

/** The GPU that the fold reports. For an active attempt only its own report counts: the attempt before may have had another GPU. */
export function foldGpu(stage: StageStatus, report: StageProgress | undefined, previous: FoldStatus | undefined): string | undefined {
  const reported = report?.gpu ?? undefined;
  if (!holdsPlace(stage)) return reported ?? previous?.gpu;
  const { startedAt } = stage;
  if (startedAt === undefined) return undefined;
  if (report !== undefined && isOwn(stage, report)) return reported;
  return previous?.attempts === stage.attempts && previous.startedAt === startedAt ? previous.gpu : undefined;
}

/**
 * The warnings that the stage reports. An attempt that has not reported yet keeps those of the attempt before: a fold that continues gives
 * them again if they still apply.
 */
export function stageWarnings(stage: StageStatus, report: StageProgress | undefined, previous: StageStatus | undefined): readonly string[] {
  const isCurrent = report !== undefined && (!holdsPlace(stage) || isOwn(stage, report));
  return (isCurrent ? report.warnings : previous?.warnings) ?? [];
}

/** The share of each stage in the whole. Training takes nearly all of the time. */
const SHARE = { prepare: 0.03, folds: 0.94, ensemble: 0.03 } as const;

const clamp = (value: number): number => Math.min(Math.max(value, 0), 1);

/** The part of a fold's epochs that is done, 0 to 1. */
export function foldFraction(fold: FoldStatus, progress: ObservedProgress): number {
  if (fold.state === 'Succeeded') return 1;
  if (fold.epochs === undefined || fold.epochs <= 0) return 0;
  const report = progress.folds.get(fold.index);
  const withinEpoch = report?.stepsPerEpoch ? clamp((report.step ?? 0) / report.stepsPerEpoch) : 0;
  return clamp(((fold.epoch ?? 0) + withinEpoch) / fold.epochs);
}

/** The part of all folds' epochs that is done, 0 to 1. */
function trainedFraction(stages: Stages, progress: ObservedProgress): number {
  if (stages.folds.length === 0) return 0;
  return stages.folds.reduce((sum, fold) => sum + foldFraction(fold, progress), 0) / stages.folds.length;
}

function workFraction(state: string, report: { done?: number | null | undefined; total?: number | null | undefined } | undefined): number {
  if (state === 'Succeeded') return 1;
  return report?.total ? clamp((report.done ?? 0) / report.total) : 0;
}

/** How much of the experiment is done, in whole per cent. 100 only when it is complete. */
export function progressPercent(stages: Stages, progress: ObservedProgress, complete: boolean): number {
  if (complete) return 100;
  const done =
    SHARE.prepare * workFraction(stages.prepare.state, progress.prepare) +
    SHARE.folds * trainedFraction(stages, progress) +
    SHARE.ensemble * workFraction(stages.ensemble.state, progress.ensemble);
  return Math.min(Math.floor(done * 100 + 1e-9), 99);
}

const meanOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of the folds' best Dice, over the folds that have one. */
export function meanBestDice(stages: Stages): number | undefined {
  return meanOf(stages.folds.flatMap((fold) => (fold.bestDice === undefined ? [] : [fold.bestDice])));
}

/** The seconds that a running fold still trains, at least 0; undefined if it has not reported its throughput. */
function secondsLeft(fold: FoldStatus, progress: ObservedProgress, now: Date): number | undefined {
  const report = progress.folds.get(fold.index);
  if (fold.state !== 'Running' || report?.etaSeconds === undefined || report.etaSeconds === null) return undefined;
  // The observer's clock, if it knows. The clock of the node may be wrong, so a report is never newer than now.
  const heartbeat = progress.heartbeats?.find((one) => sameStage(one, { stage: 'fold', fold: fold.index }));
  const reportedMs = Date.parse(heartbeat?.changedAt ?? report.updatedAt);
  // The last report of an earlier container has not aged while the fold waited.
  const startedMs = fold.startedAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(fold.startedAt);
  const ageMs = now.getTime() - Math.max(reportedMs, startedMs);
  return Math.max(0, report.etaSeconds - Math.max(0, ageMs) / 1000);
}

/** Seconds that each fold still trains; undefined if the throughput of no fold is known. */
function remainingSeconds(stages: Stages, progress: ObservedProgress, now: Date): readonly (number | undefined)[] {
  const whole: number[] = [];
  for (const fold of stages.folds) {
    const fraction = foldFraction(fold, progress);
    const eta = progress.folds.get(fold.index)?.etaSeconds;
    if (fold.state === 'Succeeded' && fold.activeSeconds > 0) whole.push(fold.activeSeconds);
    else if (eta !== undefined && eta !== null && fraction < 1) whole.push(eta / (1 - fraction));
  }
  const mean = meanOf(whole);
  return stages.folds.map((fold) => {
    if (fold.state === 'Succeeded' || fold.state === 'Failed') return 0;
    return secondsLeft(fold, progress, now) ?? (mean === undefined ? undefined : mean * (1 - foldFraction(fold, progress)));
  });
}

/**
 * Seconds until the last fold is trained with `parallelism` folds at a time; undefined while no fold runs, and until a fold has reported its
 * throughput. 0 if the last estimates have run out.
 */
export function remainingTrainingSeconds(stages: Stages, progress: ObservedProgress, parallelism: number, now: Date): number | undefined {
  if (!stages.folds.some(({ state }) => state === 'Running')) return undefined;
  const remaining = remainingSeconds(stages, progress, now);
  const known = remaining.filter((seconds) => seconds !== undefined);
  if (known.length < remaining.length) return undefined;
  // Folds that run go first: they already have their places.
  const runsFirst = known.map((seconds, index) => ({ seconds, waits: stages.folds[index]?.state === 'Running' ? 0 : 1 }));
  return makespan(
    runsFirst.toSorted((a, b) => a.waits - b.waits).map(({ seconds }) => seconds),
    placesAvailable(stages, parallelism),
  );
}

/** How many folds train at a time: if a fold waits for capacity or in a queue, not more than now. */
function placesAvailable({ folds }: Stages, parallelism: number): number {
  const isFull = folds.some(({ state, reason }) => state === 'Queued' || (state === 'Pending' && reason === 'WaitingForCapacity'));
  return isFull ? Math.min(parallelism, folds.filter(({ state }) => state === 'Running').length) : parallelism;
}
