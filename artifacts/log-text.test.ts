import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogText } from './log-text.ts';

const SMALL = { headBytes: 20, tailBytes: 30 };
const textOf = (chunks: readonly string[], limits = SMALL): string => {
  const log = new LogText(limits);
  for (const chunk of chunks) log.add(chunk);
  return log.toString();
};

describe('the text of a log', () => {
  it('consists of the lines, whichever way they were written', () => {
    expect(textOf(['ep', 'och 1\n', 'epoch', ' 2'])).toBe('epoch 1\nepoch 2\n');
    expect(textOf(['a\r\nb\r\n\nc\n'])).toBe('a\nb\n\nc\n');
    expect(textOf([])).toBe('');
  });

  it('contains no escape sequence, not even one that was written in two parts', () => {
    expect(textOf(['\u001b[3', '1m. red\u001b[0m\n', '\u001b]0;ti', 'tle\u0007x\n'])).toBe('. red\nx\n');
  });

  it('contains no credentials', () => {
    const lines = 'reading http://kim:pass@host:9000/x as AKIAIOSFODNN7EXAMPLE\nreading http://kim:pass@host';
    expect(textOf([lines], { headBytes: 1000, tailBytes: 1000 })).toBe('reading http://***@host:9000/x as ***\nreading http://***@host\n');
  });

  it('keeps the beginning and the end, and says how much it left out', () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    expect(textOf([`${lines.join('\n')}\n`]).split('\n')).toEqual([
      'line 0',
      'line 1',
      '[… 15 lines (112 bytes) are left out here …]',
      'line 17',
      'line 18',
      'line 19',
      '',
    ]);
  });

  it('stays within its limits, whatever is written', () => {
    const written = fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }));
    fc.assert(
      fc.property(written, (chunks) => {
        const unfinished = Buffer.byteLength(chunks.join('').split('\n').at(-1) ?? '');
        expect(Buffer.byteLength(textOf(chunks))).toBeLessThanOrEqual(20 + 30 + 70 + unfinished);
      }),
    );
    const log = new LogText();
    for (let index = 0; index < 2000; index++) log.add('骨'.repeat(1000));
    for (let index = 0; index < 2000; index++) log.add(`${'骨'.repeat(1000)}\n`);
    const bytes = Buffer.byteLength(log.toString());
    expect(bytes).toBeGreaterThan(950_000);
    expect(bytes).toBeLessThanOrEqual(2 ** 20 + 100);
  });

  it('has a version that grows with each change only', () => {
    const log = new LogText();
    log.add('a');
    const { version } = log;
    log.add('');
    log.toString();
    expect(log.version).toBe(version);
    log.add('b');
    expect(log.version).toBeGreaterThan(version);
  });
});
