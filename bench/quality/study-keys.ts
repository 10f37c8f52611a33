import { createHash } from 'node:crypto';
import { withSortedKeys } from '@carpal/configs/json.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';
import type { CeilingPlan, Reading, Study, Training } from './study.ts';

/** Raised when a figure comes to mean something else, so that none of the former kind is taken for one of the new. */
const VERSION = 1;

/** Names content: the same values give the same key, in whatever order their fields stand. */
export function contentKey(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([VERSION, withSortedKeys(value)]))
    .digest('hex')
    .slice(0, 16);
}

export const phantomsKey = (phantoms: PhantomParameters): string => `phantoms-${contentKey(phantoms)}`;

/** Of everything that a training's networks depend on, but the revision: it is told beside the figure. */
export const trainingKey = ({ phantoms, folds }: Study, { spec }: Training): string => contentKey({ phantoms, folds, spec });

/** Of the masks that a reading gives. Titles and comparisons are no part of it. */
export function readingKey(study: Study, { decode, tta, ensemble, votes, training: id }: Reading): string {
  return `reading-${contentKey({ training: trainingKey(study, trainingOf(study, id)), decode, tta, ensemble, votes })}`;
}

export const foldFigureKey = (study: Study, training: Training, fold: number): string => `fold-${trainingKey(study, training)}-${fold}`;

export const ceilingKey = (plan: CeilingPlan): string => `ceiling-${contentKey(plan)}`;

export const overlapKey = ({ phantoms }: Study): string => `overlap-${contentKey(phantoms)}`;

/** Throws a RangeError for an id that is no training's. */
export function trainingOf({ trainings }: Pick<Study, 'trainings'>, id: string): Training {
  const training = trainings.find((one) => one.id === id);
  if (!training) throw new RangeError(`the study has no training ${id}`);
  return training;
}
