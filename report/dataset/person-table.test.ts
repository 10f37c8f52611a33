import { describe, expect, it } from 'vitest';
import { parsePersonTable, personKey } from './person-table.ts';

describe('parsePersonTable', () => {
  it("reads the organiser's columns and removes the stray text before the sex", () => {
    const text = '\uFEFFID,나이,성별,체중(몸무게),키(신장),Unnamed: 5\r\n1,25,_x0008_여,52,162.5,\r\n40,31,_x0008_남,70,178,note\r\n';
    expect(Object.fromEntries(parsePersonTable(text))).toEqual({ 1: { sex: '여', heightCm: 162.5 }, 40: { sex: '남', heightCm: 178 } });
  });

  it.each([
    {
      rule: 'reads English names and quoted fields',
      text: 'id,sex,height\n"ID007","F","160"',
      people: { 7: { sex: 'F', heightCm: 160 } },
    },
    {
      rule: 'ignores an unnamed first column such as a row number',
      text: ',age,id,sex,height\n0,31,ID7,F,160\n,,8,M,',
      people: { 7: { sex: 'F', heightCm: 160 }, 8: { sex: 'M' } },
    },
    { rule: 'omits unknown values', text: 'ID,sex,height\n1,,tall', people: { 1: {} } },
    { rule: 'treats a table without an ID column as empty', text: 'name,sex\na,F', people: {} },
    { rule: 'treats an empty file as an empty table', text: '', people: {} },
  ])('$rule', ({ text, people }) => {
    expect(Object.fromEntries(parsePersonTable(text))).toEqual(people);
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
