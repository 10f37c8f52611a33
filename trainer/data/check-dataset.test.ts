import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { temporaryFolder, writeSmallDataset, writeUnder } from '@carpal/report/dataset/testing/small-dataset.ts';
import { xlsxFile } from '@carpal/report/dataset/testing/xlsx-file.ts';
import { describe, expect, it } from 'vitest';
import { checkPeople } from './check-dataset.ts';

const split = (strategy: 'group' | 'stratifiedGroup') => ({ folds: 2, strategy, seed: 1 }) as const;

async function checkWith(table: string | undefined, strategy: 'group' | 'stratifiedGroup'): Promise<string | undefined> {
  const folder = await temporaryFolder();
  await writeSmallDataset(folder, { people: 3, testPeople: 1 });
  if (table !== undefined) await writeUnder(folder, 'meta_data.csv', table);
  return checkPeople(await discoverDataset(folder), split(strategy));
}

describe('checkPeople', () => {
  it.each([
    ['no table', undefined, /there is no table of people/],
    ['a table without sex', 'ID,키(신장)\n1,160\n2,170\n3,180', /no column for sex/],
    ['a table without sex and height', 'ID,나이\n1,30', /no column for sex and height/],
    ['a table without one of the people', 'ID,sex,height\n1,F,160\n3,M,180', /of 1 of 3 people is missing: ID002/],
    ['a table with an unknown height', 'ID,sex,height\n1,F,160\n2,F,\n3,M,tall', /of 2 of 3 people is missing: ID002, ID003/],
  ])('refuses a stratified split with %s, and allows one by groups', async (_, table, message) => {
    await expect(checkWith(table, 'stratifiedGroup')).rejects.toMatchObject({
      code: 'split-impossible',
      message: expect.stringMatching(message),
    });
    expect(await checkWith(table, 'group')).toBeUndefined();
  });

  it('accepts a stratified split if the table has sex and height of everyone in the training half', async () => {
    expect(await checkWith('ID;성별;키(신장)\n1;여;160\n2;남;171,5\n3;남;180', 'stratifiedGroup')).toBeUndefined();
  });

  it("accepts a stratified split with the organiser's xlsx", async () => {
    const folder = await temporaryFolder();
    await writeSmallDataset(folder, { people: 2, testPeople: 0 });
    const rows = [
      ['ID', '나이', '성별', '체중(몸무게)', '키(신장)'],
      [1, 20, '_x0008_여', 50, 160],
      [2, 30, '_x0008_남', 70, 175],
    ];
    await writeUnder(folder, 'meta_data.xlsx', xlsxFile(rows));
    expect(await checkPeople(await discoverDataset(folder), split('stratifiedGroup'))).toBeUndefined();
  });

  it('warns of a table that cannot be read if the split does not need it', async () => {
    expect(await checkWith('name,age\na,3', 'group')).toMatch(/table of people is not used, because its first row has no column ID/);
    await expect(checkWith('name,age\na,3', 'stratifiedGroup')).rejects.toMatchObject({ code: 'table-unreadable' });
  });
});
