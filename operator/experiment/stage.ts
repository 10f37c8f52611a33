/** The stages of an experiment and what their attempts are called. */
export type Stage = 'prepare' | 'fold' | 'ensemble';

/** One stage of one experiment: prepare, a fold, or the ensemble. */
export type StageKey = { readonly stage: Stage; readonly fold?: number };

/** Whether two keys name the same stage. */
export function sameStage(a: StageKey, b: StageKey): boolean {
  return a.stage === b.stage && a.fold === b.fold;
}

/** The stage in words: `prepare`, `fold 3`, `ensemble`. */
export function stageTitle(key: StageKey): string {
  return key.fold === undefined ? key.stage : `${key.stage} ${key.fold}`;
}

/** The one name that an attempt can have (`<experiment>-fold-<n>-<attempt>`), so that starting it twice cannot make two of it. */
export function attemptName(experiment: string, key: StageKey, attempt: number): string {
  const stage = key.fold === undefined ? key.stage : `${key.stage}-${key.fold}`;
  return `${experiment}-${stage}-${attempt}`;
}
