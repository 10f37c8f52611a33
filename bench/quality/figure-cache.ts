/** Measured figures in a folder, named by what they were measured on, so that an interrupted study continues. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { withSortedKeys } from '@carpal/configs/json.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';
import type { Measured } from '../harness/outcome.ts';
import type { CeilingPlan, Reading, Study, Training } from './study.ts';

/** A figure with the machine and the revision that it was measured on. */
export type CachedFigure<Figure> = Measured & { readonly figure: Figure };

export type FigureCache = {
  find<Figure>(key: string): Promise<CachedFigure<Figure> | undefined>;
  /** Stores a figure as measured on this machine at this revision. */
  store<Figure>(key: string, figure: Figure): Promise<CachedFigure<Figure>>;
  /** The cached figure, or the result of `measure`, which is then stored. */
  once<Figure>(key: string, measure: () => Figure | Promise<Figure>): Promise<CachedFigure<Figure>>;
};

/** The figures of a folder, one file per figure. `here` is called when a figure is stored. A file that cannot be read counts as missing. */
export function openFigureCache(folder: string, here: () => Measured): FigureCache {
  const pathOf = (key: string): string => join(folder, `${key}.json`);
  const find = async <Figure>(key: string): Promise<CachedFigure<Figure> | undefined> => {
    try {
      return JSON.parse(await readFile(pathOf(key), 'utf8')) as CachedFigure<Figure>;
    } catch {
      return undefined;
    }
  };
  const store = async <Figure>(key: string, figure: Figure): Promise<CachedFigure<Figure>> => {
    const cached = { ...here(), figure };
    await writeFileAtomically(pathOf(key), `${JSON.stringify(cached)}\n`);
    return cached;
  };
  return { find, store, once: async (key, measure) => (await find(key)) ?? store(key, await measure()) };
}

/** Raised when the meaning or the fields of a figure change, so that cached figures of the old form are not used. */
const VERSION = 2;

/** A key of the content: equal values give equal keys, whatever the order of their fields. */
export function contentKey(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([VERSION, withSortedKeys(value)]))
    .digest('hex')
    .slice(0, 16);
}

export const phantomsKey = (phantoms: PhantomParameters): string => `phantoms-${contentKey(phantoms)}`;

/** A key of everything that a training's networks depend on except the revision, which is stored with the figure. */
export const trainingKey = ({ phantoms, folds }: Study, { spec }: Training): string => contentKey({ phantoms, folds, spec });

/** A key of the masks that a reading gives. Its title and its comparison do not count. */
export function readingKey(study: Study, { decode, tta, ensemble, votes, training: id }: Reading): string {
  return `reading-${contentKey({ training: trainingKey(study, trainingOf(study, id)), decode, tta, ensemble, votes })}`;
}

export const foldFigureKey = (study: Study, training: Training, fold: number): string => `fold-${trainingKey(study, training)}-${fold}`;

export const ceilingKey = (plan: CeilingPlan): string => `ceiling-${contentKey(plan)}`;

export const overlapKey = ({ phantoms }: Study): string => `overlap-${contentKey(phantoms)}`;

/** Throws a RangeError if the study has no training with that id. */
export function trainingOf({ trainings }: Pick<Study, 'trainings'>, id: string): Training {
  const training = trainings.find((one) => one.id === id);
  if (!training) throw new RangeError(`the study has no training ${id}`);
  return training;
}
