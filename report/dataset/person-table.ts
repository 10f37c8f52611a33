import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Facts about a person from the table, used only to balance folds. */
export type Person = { readonly sex?: string; readonly heightCm?: number };

export const PERSON_TABLE = 'meta_data.csv';

const SEX_COLUMN = /^(성별|sex|gender)$/i;
const HEIGHT_COLUMN = /^(키\(신장\)|키|height|height[ _]?cm|heightcm)$/i;
const ID_COLUMN = /^(id|person|group)$/i;

/**
 * Reads the data set's `meta_data.csv` (the organiser's table saved as CSV), keyed by {@link personKey}. Returns an empty map if the file
 * is missing or not such a table: folds are then stratified by bone area.
 */
export async function readPersonTable(folder: string): Promise<ReadonlyMap<string, Person>> {
  const text = await readFile(join(folder, PERSON_TABLE), 'utf8').catch(() => '');
  return parsePersonTable(text);
}

/** People by {@link personKey}. Columns are recognised by name: ID, 성별 or sex, 키(신장) or height. */
export function parsePersonTable(text: string): Map<string, Person> {
  const [header, ...rows] = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map(splitRow);
  const column = (pattern: RegExp): number => header?.findIndex((name) => pattern.test(name)) ?? -1;
  const [id, sex, height] = [column(ID_COLUMN), column(SEX_COLUMN), column(HEIGHT_COLUMN)];
  const people = new Map<string, Person>();
  if (id < 0) return people;
  for (const row of rows) {
    // The organiser's export has a literal "_x0008_" before each sex.
    const sexText = (row[sex] ?? '').replaceAll('_x0008_', '').trim();
    const heightCm = Number.parseFloat(row[height] ?? '');
    people.set(personKey(row[id] ?? ''), {
      ...(sexText === '' ? {} : { sex: sexText }),
      ...(Number.isFinite(heightCm) ? { heightCm } : {}),
    });
  }
  return people;
}

/** The digits without leading zeros, so that ID001, 001 and 1 are one person; the name itself if it has no digits. */
export function personKey(name: string): string {
  const digits = /\d+/.exec(name)?.[0];
  return digits === undefined ? name.trim() : digits.replace(/^0+(?=\d)/, '');
}

function splitRow(line: string): string[] {
  return [...line.matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) =>
    (match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim(),
  );
}
