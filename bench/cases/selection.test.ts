import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CASE_TABLE, COMPARED, GROUPS, kindOf, NAMES, ROWS, STANDALONE } from './catalogue.ts';
import { casesHelp, selectCases } from './selection.ts';

const refusal = (...names: readonly string[]): unknown => {
  try {
    return selectCases(names);
  } catch (error) {
    return error;
  }
};

describe('the catalogue', () => {
  it('holds each name once, and each case in one row of the table', () => {
    expect(new Set(NAMES).size).toBe(NAMES.length);
    const covered = CASE_TABLE.flatMap(({ id, covers }) => covers ?? [id]);
    expect(covered.toSorted()).toEqual([...ROWS, 'results', 'quality', 'collapse'].toSorted());
  });

  it('knows the kind of each name', () => {
    for (const { name } of [...COMPARED, ...STANDALONE]) expect(kindOf(name)).toBe('measured');
    expect(['operator-rest', 'soak', 'results', 'operator-7'].map(kindOf)).toEqual(['operator', 'soak', 'results', undefined]);
  });

  it('separates single images from batches of steps', () => {
    expect(GROUPS['step']).toContain('step-UNet-256');
    expect(GROUPS['step']?.some((name) => name.includes('batch'))).toBe(false);
    expect(GROUPS['step-batches']?.every((name) => /-batch[24]$/.test(name))).toBe(true);
    expect(GROUPS['step-256-bfloat16-batch2']).toContain('step-UNet-256-bfloat16-batch2');
  });

  it('is the table of cases in bench/README.md', () => {
    // Markdown tables are padded when they are formatted.
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
      .replaceAll(/ +\|/g, ' |')
      .replaceAll(/-+ \|/g, '--- |');
    const rows = CASE_TABLE.map(({ id, what, baseline }) => `| \`${id}\` | ${what} | ${baseline} |`).join('\n');
    expect(readme).toContain(`| case | what it measures | baseline |\n| --- | --- | --- |\n${rows}\n`);
  });
});

describe('casesHelp', () => {
  it('lists every case with what it measures and its baseline, in lines that fit a terminal', () => {
    const text = casesHelp();
    for (const { id } of CASE_TABLE) expect(text).toContain(`\n  ${id}\n`);
    for (const group of Object.keys(GROUPS)) expect(text).toContain(group);
    expect(text).toContain('baseline: pycocotools');
    expect(text).not.toContain('step-UNet-256');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('selectCases', () => {
  it('returns each case once, in the order of the names', () => {
    expect(selectCases(['vote', 'epochs', 'vote-large', 'epoch'])).toEqual({
      kind: 'measured',
      names: ['vote', 'epoch', 'epoch-once', 'vote-large'],
    });
    expect(selectCases(['operator'])).toEqual({ kind: 'operator', names: ['operator-200', 'operator-1000', 'operator-rest'] });
    expect(selectCases(['soak'])).toEqual({ kind: 'soak', names: ['soak'] });
    expect(selectCases([]).names).toContain('prepare');
  });

  it.each([
    [['step-Unet-256'], 'Did you mean step-UNet-256?'],
    [['vote', 'operator-20'], 'Did you mean operator-200?'],
    [['soak1'], 'Did you mean soak?'],
    [['result'], 'Did you mean results?'],
    [['epochs1'], 'Did you mean epochs?'],
    [['toString'], 'The cases are: prepare, feed, '],
  ] as const)('rejects %j and suggests the name that was meant', (names, fix) => {
    expect(refusal(...names)).toMatchObject({ code: 'usage-invalid', fix: expect.stringContaining(fix) });
  });

  it.each([
    [['results', 'vote'], 'the results cannot run together with other cases'],
    [['soak', 'operator'], 'the soak cannot run together with other cases'],
    [['operator-200', 'vote'], 'the benchmarks of the operator cannot run together with other cases'],
  ] as const)('rejects %j, which cannot run together', (names, message) => {
    expect(refusal(...names)).toMatchObject({ code: 'usage-invalid', message: expect.stringContaining(message) });
  });
});
