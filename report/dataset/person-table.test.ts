import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { personKey, readPersonTable } from './person-table.ts';
import { temporaryFolder, writeUnder } from './testing/small-dataset.ts';
import { xlsxFile } from './testing/xlsx-file.ts';

async function readFrom(name: string, content: string | Uint8Array): ReturnType<typeof readPersonTable> {
  const folder = await temporaryFolder();
  await writeUnder(folder, name, content);
  return readPersonTable(folder);
}

const ORGANISERS_HEADER = ['ID', '나이', '성별', '체중(몸무게)', '키(신장)', 'Unnamed: 5'];
const ORGANISERS_PEOPLE = { 1: { sex: '여', heightCm: 162.5 }, 40: { sex: '남', heightCm: 178 } };

/** Korean text in cp949, of which Node has no encoder: the few letters that the test needs. */
const CP949: Readonly<Record<string, readonly number[]>> = {
  성: [0xbc, 0xba],
  별: [0xba, 0xb0],
  키: [0xc5, 0xb0],
  신: [0xbd, 0xc5],
  장: [0xc0, 0xe5],
  여: [0xbf, 0xa9],
  남: [0xb3, 0xb2],
};
const inCp949 = (text: string): Uint8Array => Uint8Array.from([...text].flatMap((letter) => CP949[letter] ?? [letter.charCodeAt(0)]));

describe('readPersonTable', () => {
  it("reads the organiser's xlsx with its Korean column names and the stray text before the sex", async () => {
    const rows = [ORGANISERS_HEADER, [1, 25, '_x0008_여', 52, 162.5, null], [40, 31, '_x0008_남', 70, 178, 'note']];
    const table = await readFrom('meta_data.xlsx', xlsxFile(rows));
    expect(Object.fromEntries(table?.people ?? [])).toEqual(ORGANISERS_PEOPLE);
    expect(table?.missingColumns).toEqual([]);
  });

  it.each<[string, string | Uint8Array]>([
    ['UTF-8 with a byte order mark', `\uFEFF${ORGANISERS_HEADER.join(',')}\r\n1,25,_x0008_여,52,162.5,\r\n40,31,_x0008_남,70,178,note\r\n`],
    ['UTF-8 with decomposed letters', `ID,성별,키(신장)\n1,여,162.5\n40,남,178\n`.normalize('NFD')],
    ['UTF-16', Buffer.from('\uFEFFID\t성별\t키(신장)\n1\t여\t162.5\n40\t남\t178\n', 'utf16le')],
    ['cp949 with semicolons and decimal commas', inCp949('ID;성별;키(신장)\r\n1;여;162,5\r\n40;남;178\r\n')],
  ])('reads a CSV in %s', async (_, content) => {
    expect(Object.fromEntries((await readFrom('meta_data.csv', content))?.people ?? [])).toEqual(ORGANISERS_PEOPLE);
  });

  it.each([
    {
      rule: 'reads English names and quoted fields',
      text: 'id,sex,height\n"ID007","F","160"',
      people: { 7: { sex: 'F', heightCm: 160 } },
    },
    {
      rule: 'ignores an unnamed first column such as a row number',
      text: ',age,id,sex,height (cm)\n0,31,ID7,F,160\n,,8,M,',
      people: { 7: { sex: 'F', heightCm: 160 }, 8: { sex: 'M' } },
    },
    { rule: 'omits unknown values and empty rows', text: 'ID,sex,height\n1,,tall\n,,\n', people: { 1: {} } },
  ])('$rule', async ({ text, people }) => {
    expect(Object.fromEntries((await readFrom('meta_data.csv', text))?.people ?? [])).toEqual(people);
  });

  it('names the columns that are missing', async () => {
    expect((await readFrom('meta_data.csv', 'ID,age\n1,30'))?.missingColumns).toEqual(['sex', 'height']);
  });

  it('prefers a CSV to an xlsx, and gives nothing without either', async () => {
    const folder = await temporaryFolder();
    expect(await readPersonTable(folder)).toBeUndefined();
    await writeUnder(
      folder,
      'meta_data.xlsx',
      xlsxFile([
        ['ID', 'sex'],
        [1, 'F'],
      ]),
    );
    expect((await readPersonTable(folder))?.path).toMatch(/xlsx$/);
    await writeUnder(folder, 'meta_data.csv', 'ID,sex\n1,M');
    expect((await readPersonTable(folder))?.people.get('1')).toEqual({ sex: 'M' });
  });

  it.each<[string, string, string | Uint8Array, RegExp]>([
    ['a table without an ID column', 'meta_data.csv', 'name,sex\na,F', /no column ID, only: name, sex/],
    ['an empty file', 'meta_data.csv', '', /no column ID/],
    ['bytes in no known encoding', 'meta_data.csv', Uint8Array.of(0x49, 0x44, 0xff, 0xff, 0x0a), /is not a table/],
    ['an xlsx that is not an archive', 'meta_data.xlsx', 'ID,sex', /is not a table/],
    ['an archive without a sheet', 'meta_data.xlsx', zipSync({ 'a.txt': Uint8Array.of(1) }), /is not a table/],
    ['an archive that unpacks to 80 MiB', 'meta_data.xlsx', zipSync({ 'xl/a.xml': new Uint8Array(80 * 2 ** 20) }), /more than 64 MiB/],
    ['a file of 17 MiB', 'meta_data.csv', new Uint8Array(17 * 2 ** 20), /has 17 MiB/],
  ])('refuses %s', async (_, name, content, message) => {
    await expect(readFrom(name, content)).rejects.toMatchObject({ code: 'table-unreadable', message: expect.stringMatching(message) });
  });
});

it.each([
  ['ID001', '1'],
  ['1', '1'],
  ['040', '40'],
  ['ID000', '0'],
  ['anna', 'anna'],
])('personKey maps %s to %s', (name, key) => {
  expect(personKey(name)).toBe(key);
});
