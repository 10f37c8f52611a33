import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { type Half, type Person, personFolder } from './person.ts';
import type { Side } from './pose.ts';

/** The parameters that determine a phantom set. */
export type PhantomParameters = { readonly people: number; readonly testPeople: number; readonly seed: number; readonly size: number };

/** One image to make: whose hand it is, and its files relative to the folder of the set. */
export type HandFiles = {
  readonly number: number;
  readonly half: Half;
  readonly side: Side;
  /** The name of the image without extension. */
  readonly name: string;
  readonly image: string;
  readonly annotation: string;
};

/** One folder in about this many has the side in its file names. In the data set, the first folder does and almost no other. */
const MARKED_EVERY = 97;
/** Milliseconds from 1970 to the exposure of the first person's hand, and between two people. */
const FIRST_EXPOSURE_MS = 1_661_130_000_000;
const PERSON_INTERVAL_MS = 240_000;

/** The people of a set: first those for training, then those for testing, numbered consecutively. */
export function peopleOf(parameters: PhantomParameters): Pick<Person, 'number' | 'half'>[] {
  const { people, testPeople } = parameters;
  return Array.from({ length: people + testPeople }, (_, index) => ({ number: index + 1, half: index < people ? 'train' : 'test' }));
}

/**
 * All images of a set in the layout of the data set: `image` and thirteen digits (the time of exposure), the right hand of a person before
 * the left one. Annotations of the test half are separate, under truth/.
 */
export function handFiles(parameters: PhantomParameters): HandFiles[] {
  return peopleOf(parameters).flatMap((person) => {
    const random = randomFor(parameters.seed, 'file-names', person.number);
    const first = FIRST_EXPOSURE_MS + person.number * PERSON_INTERVAL_MS + random.integer(60_000);
    const second = first + 15_000 + random.integer(60_000);
    return (['right', 'left'] as const).map((side) => {
      const mark = person.number % MARKED_EVERY === 1 ? (side === 'right' ? '_R' : '_L') : '';
      const name = `image${side === 'right' ? first : second}${mark}`;
      const folder = personFolder(person);
      const annotationRoot = person.half === 'train' ? 'train' : 'truth';
      return {
        ...person,
        side,
        name,
        image: `${person.half}/DCM/${folder}/${name}.png`,
        annotation: `${annotationRoot}/outputs_json/${folder}/${name}.json`,
      };
    });
  });
}

/** Written last: a set with this file is complete. */
export const SET_FILE = 'phantom.json';
/** Written first, so that an interrupted set is recognised and can be continued. */
export const BEGUN_FILE = 'phantom.begun.json';

/** Increased when the same parameters give different files. */
const VERSION = 1;

/** The content of both files. */
export function describeSet({ people, testPeople, seed, size }: PhantomParameters): string {
  return `${JSON.stringify({ kind: 'carpal-phantom', version: VERSION, people, testPeople, seed, size }, null, 2)}\n`;
}

/**
 * The state of the folder: `empty` (missing or without files), or this set, `incomplete` or `complete`. Throws `phantom-folder-taken` if it
 * contains anything else, which is never modified.
 */
export async function readSetState(folder: string, parameters: PhantomParameters): Promise<'empty' | 'incomplete' | 'complete'> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    if (systemErrorCode(error) === 'ENOTDIR')
      throw new CarpalError('phantom-folder-taken', 'this is a file, not a folder', { where: folder });
    throw error;
  });
  const expected = describeSet(parameters);
  for (const [file, state] of [
    [SET_FILE, 'complete'],
    [BEGUN_FILE, 'incomplete'],
  ] as const) {
    if (!names.includes(file)) continue;
    const found = await readFile(join(folder, file), 'utf8');
    if (found === expected) return state;
    throw new CarpalError('phantom-folder-taken', `the folder holds another phantom set: ${found.replaceAll(/\s+/g, ' ').trim()}`, {
      where: join(folder, file),
    });
  }
  // A process that was killed before it named the set leaves only the partial file of the name.
  if (names.every((name) => name.startsWith(`${BEGUN_FILE}.partial-`))) return 'empty';
  throw new CarpalError('phantom-folder-taken', 'the folder has files that are not a phantom set', { where: folder });
}
