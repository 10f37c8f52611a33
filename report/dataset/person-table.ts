import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { readTableFile, type TableRows } from './table-file.ts';

/** Facts about a person from the table, used only to balance folds. */
export type Person = { readonly sex?: string; readonly heightCm?: number };

export type PersonTable = {
  readonly path: string;
  /** By {@link personKey}. */
  readonly people: ReadonlyMap<string, Person>;
  /** What the table has no column for: sex, height. */
  readonly missingColumns: readonly string[];
};

/** File names of the table at the root of a data set, best first: a CSV is what somebody made of the organiser's xlsx. */
const TABLE_NAMES = ['meta_data.csv', 'meta_data.xlsx'];

const COLUMNS = {
  ID: /^(?:id|person|group)$/i,
  sex: /^(?:성별|sex|gender)$/i,
  height: /^(?:키|신장|키 ?\(신장\)|height)[ _]?(?:\(?cm\)?)?$/i,
} as const;

/** The path of the data set's table, or undefined if it has none. */
export async function findPersonTable(folder: string): Promise<string | undefined> {
  for (const name of TABLE_NAMES) {
    const path = join(folder, name);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

/**
 * Reads the data set's table of people, `meta_data.csv` or `meta_data.xlsx`; undefined if it has none. Columns are found by name: ID, 성별 or
 * sex, 키(신장) or height; others are ignored. Throws `table-unreadable` if the file is not a table or has no column ID.
 */
export async function readPersonTable(folder: string): Promise<PersonTable | undefined> {
  const path = await findPersonTable(folder);
  return path === undefined ? undefined : personTable(path, await readTableFile(path));
}

function personTable(path: string, [header = [], ...rows]: TableRows): PersonTable {
  const column = (pattern: RegExp): number => header.findIndex((name) => pattern.test(name));
  const [id, sex, height] = [column(COLUMNS.ID), column(COLUMNS.sex), column(COLUMNS.height)];
  if (id < 0) {
    const found = header.filter((name) => name !== '').join(', ');
    throw new CarpalError('table-unreadable', `its first row has no column ID, only: ${found.slice(0, 200) || 'nothing'}`, { where: path });
  }
  const people = new Map<string, Person>();
  for (const row of rows) {
    const key = personKey(row[id] ?? '');
    if (key === '') continue;
    const sexText = row[sex] ?? '';
    // A table with semicolons often has decimal commas.
    const heightCm = Number.parseFloat((row[height] ?? '').replace(',', '.'));
    people.set(key, { ...(sexText === '' ? {} : { sex: sexText }), ...(Number.isFinite(heightCm) ? { heightCm } : {}) });
  }
  const missingColumns = [...(sex < 0 ? ['sex'] : []), ...(height < 0 ? ['height'] : [])];
  return { path, people, missingColumns };
}

/** The people of these images whose sex or height the table does not give, in order. */
export function lackingPeople({ people }: PersonTable, images: readonly { readonly group: string }[]): string[] {
  return [...new Set(images.map(({ group }) => group))].filter((group) => {
    const { sex, heightCm } = people.get(personKey(group)) ?? {};
    return sex === undefined || heightCm === undefined;
  });
}

/** The digits without leading zeros, so that ID001, 001 and 1 are one person; the name itself if it has no digits. */
export function personKey(name: string): string {
  const digits = /\d+/.exec(name)?.[0];
  return digits === undefined ? name.normalize('NFC').trim() : digits.replace(/^0+(?=\d)/, '');
}
