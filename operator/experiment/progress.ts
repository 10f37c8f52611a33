/** How much of the experiment is done, and when it should be. Estimates for people; nothing is decided by them. */
import type { FoldStatus } from '@carpal/configs/experiment-status.ts';
import { lastEnd } from './lanes.ts';
import type { ObservedProgress } from './observed.ts';
import type { Stages } from './stages.ts';

/** Shares of the whole; training takes nearly all of the time. */
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
export function trainedFraction(stages: Stages, progress: ObservedProgress): number {
  if (stages.folds.length === 0) return 0;
  return stages.folds.reduce((sum, fold) => sum + foldFraction(fold, progress), 0) / stages.folds.length;
}

function workFraction(state: string, report: { done?: number | null | undefined; total?: number | null | undefined } | undefined): number {
  if (state === 'Succeeded') return 1;
  return report?.total ? clamp((report.done ?? 0) / report.total) : 0;
}

/** Whole per cent of the experiment; 100 only when it is complete. */
export function progressPercent(stages: Stages, progress: ObservedProgress, complete: boolean): number {
  if (complete) return 100;
  const done =
    SHARE.prepare * workFraction(stages.prepare.state, progress.prepare) +
    SHARE.folds * trainedFraction(stages, progress) +
    SHARE.ensemble * workFraction(stages.ensemble.state, progress.ensemble);
  return Math.min(Math.floor(done * 100 + 1e-9), 99);
}

/** The mean over folds of each fold's best Dice, over the folds that have one. */
export function meanBestDice(stages: Stages): number | undefined {
  const values = stages.folds.flatMap((fold) => (fold.bestDice === undefined ? [] : [fold.bestDice]));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Seconds that each fold still trains; undefined where nothing is known of any fold's pace. */
function remainingSeconds(stages: Stages, progress: ObservedProgress): readonly (number | undefined)[] {
  const whole: number[] = [];
  for (const fold of stages.folds) {
    const fraction = foldFraction(fold, progress);
    const eta = progress.folds.get(fold.index)?.etaSeconds;
    if (fold.state === 'Succeeded' && fold.activeSeconds > 0) whole.push(fold.activeSeconds);
    else if (eta !== undefined && eta !== null && fraction < 1) whole.push(eta / (1 - fraction));
  }
  const mean = whole.length === 0 ? undefined : whole.reduce((sum, value) => sum + value, 0) / whole.length;
  return stages.folds.map((fold) => {
    if (fold.state === 'Succeeded') return 0;
    const eta = fold.state === 'Running' ? progress.folds.get(fold.index)?.etaSeconds : undefined;
    return eta ?? (mean === undefined ? undefined : mean * (1 - foldFraction(fold, progress)));
  });
}

/** Seconds until the last fold is trained with so many at a time, or undefined while no fold has told its pace. */
export function remainingTrainingSeconds(stages: Stages, progress: ObservedProgress, parallelism: number): number | undefined {
  const remaining = remainingSeconds(stages, progress);
  const known = remaining.filter((seconds) => seconds !== undefined);
  return known.length < remaining.length ? undefined : lastEnd(known, parallelism);
}
