/** How the stages of an experiment and their attempts are compared and named. */
import type { StageKey } from '@carpal/configs/names.ts';

/** Whether two keys name the same stage. */
export function sameStage(a: StageKey, b: StageKey): boolean {
  return a.stage === b.stage && a.fold === b.fold;
}

/** The stage as people read it: `prepare`, `fold 3`, `ensemble`. */
export function stageTitle(key: StageKey): string {
  return key.fold === undefined ? key.stage : `${key.stage} ${key.fold}`;
}

/** The only name that an attempt can have (`<experiment>-fold-<n>-<attempt>`), so that starting it twice cannot make two attempts. */
export function attemptName(experiment: string, key: StageKey, attempt: number): string {
  const stage = key.fold === undefined ? key.stage : `${key.stage}-${key.fold}`;
  return `${experiment}-${stage}-${attempt}`;
}
