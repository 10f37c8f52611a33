import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import type { Measured } from '../harness/committed.ts';

/** A figure with where and at which revision it was measured. */
export type Kept<Figure> = Measured & { readonly figure: Figure };

/** Figures in a folder, a file each, named by what they were measured on: an interrupted run finds what it has measured. */
export type KeptFigures = {
  find<Figure>(key: string): Promise<Kept<Figure> | undefined>;
  /** Keeps it, measured here and now. */
  keep<Figure>(key: string, figure: Figure): Promise<Kept<Figure>>;
  /** The figure if it is kept, or what `measure` finds, which then is. */
  once<Figure>(key: string, measure: () => Figure | Promise<Figure>): Promise<Kept<Figure>>;
};

/** The figures of a folder. `here` is asked when one is kept. A file that cannot be read counts as none. */
export function openKeptFigures(folder: string, here: () => Measured): KeptFigures {
  const pathOf = (key: string): string => join(folder, `${key}.json`);
  const find = async <Figure>(key: string): Promise<Kept<Figure> | undefined> => {
    try {
      return JSON.parse(await readFile(pathOf(key), 'utf8')) as Kept<Figure>;
    } catch {
      return undefined;
    }
  };
  const keep = async <Figure>(key: string, figure: Figure): Promise<Kept<Figure>> => {
    const kept = { ...here(), figure };
    await writeFileAtomically(pathOf(key), `${JSON.stringify(kept)}\n`);
    return kept;
  };
  return { find, keep, once: async (key, measure) => (await find(key)) ?? keep(key, await measure()) };
}
