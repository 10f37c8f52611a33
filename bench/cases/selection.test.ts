import { describe, expect, it } from 'vitest';
import { ALONE, COMPARED, FAMILIES, GROUPS, kindOf, ROWS, WORDS } from './catalogue.ts';
import { namesText } from './names-text.ts';
import { planOf } from './selection.ts';

const refusal = (...words: readonly string[]): unknown => {
  try {
    return planOf(words);
  } catch (error) {
    return error;
  }
};

describe('the names of benchmarks', () => {
  it('are each there once, and stand each in one family', () => {
    expect(new Set(WORDS).size).toBe(WORDS.length);
    const covered = FAMILIES.flatMap(({ names, covers }) => covers ?? names);
    expect(covered.toSorted()).toEqual([...ROWS, 'results'].toSorted());
  });

  it('are known by their kind', () => {
    for (const { name } of [...COMPARED, ...ALONE]) expect(kindOf(name)).toBe('measured');
    expect(['operator-rest', 'soak', 'results', 'operator-7'].map(kindOf)).toEqual(['operator', 'soak', 'results', undefined]);
  });

  it('are told of by kind, in lines that fit a terminal', () => {
    const text = namesText();
    for (const word of [
      'step-NETWORK-SIZE[-bfloat16]',
      'coco-dice',
      'steps-2000',
      'operator-rest',
      'soak',
      'results',
      ...Object.keys(GROUPS),
    ])
      expect(text).toContain(word);
    expect(text).not.toContain('step-UNet-256');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('what is asked for', () => {
  it('is each benchmark once, in the order of the words', () => {
    expect(planOf(['vote', 'epochs', 'vote-large', 'epoch'])).toEqual({
      kind: 'measured',
      names: ['vote', 'epoch', 'epoch-once', 'vote-large'],
    });
    expect(planOf(['operator'])).toEqual({ kind: 'operator', names: ['operator-200', 'operator-1000', 'operator-rest'] });
    expect(planOf(['soak'])).toEqual({ kind: 'soak', names: ['soak'] });
    expect(planOf([]).names).toContain('prepare');
  });

  it.each([
    [['step-Unet-256'], 'Did you mean step-UNet-256?'],
    [['vote', 'operator-20'], 'Did you mean operator-200?'],
    [['soack'], 'Did you mean soak?'],
    [['result'], 'Did you mean results?'],
    [['epcohs'], 'Did you mean epochs?'],
    [['toString'], 'There is: prepare, feed, '],
  ] as const)('is refused for %j with the name that was meant', (words, fix) => {
    expect(refusal(...words)).toMatchObject({ code: 'usage-invalid', fix: expect.stringContaining(fix) });
  });

  it.each([
    [['results', 'vote'], 'the results are measured alone'],
    [['soak', 'operator'], 'the soak runs alone'],
    [['operator-200', 'vote'], 'the benchmarks of the operator run apart from the others'],
  ] as const)('is refused for %j, which do not go together', (words, message) => {
    expect(refusal(...words)).toMatchObject({ code: 'usage-invalid', message: expect.stringContaining(message) });
  });
});
