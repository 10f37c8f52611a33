import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CarpalError, ERRORS, EXIT, formatError } from './errors.ts';

/** The lines of docs/errors.md as code → [exit, meaning, remedy]. */
function documented(): [string, { exit: number; meaning: string; fix: string }][] {
  const text = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^- `([^`]+)` \((\d+)\): (.+) → (.+)$/gm)].map(([, code = '', exit, meaning = '', fix = '']) => [
    code,
    { exit: Number(exit), meaning, fix },
  ]);
}

describe('the error table', () => {
  it('is the same as docs/errors.md, line by line', () => {
    expect(documented().map(([code]) => code)).toEqual(Object.keys(ERRORS));
    expect(Object.fromEntries(documented())).toEqual(ERRORS);
  });

  it.each(Object.entries(ERRORS))(
    '%s has a kebab-case code, a known exit, and says meaning and remedy in whole sentences',
    (code, entry) => {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(Object.values(EXIT)).toContain(entry.exit);
      expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
      expect(entry.fix).toMatch(/^\S.*\.$/);
    },
  );
});

describe('formatError', () => {
  it('says the code, what is wrong, where, and what to do', () => {
    const error = new CarpalError('image-unreadable', 'the PNG ends early', { where: 'train/DCM/ID001/a.png' });
    expect(formatError(error)).toBe(
      'image-unreadable: the PNG ends early (train/DCM/ID001/a.png)\n  → Replace it with a whole 8 or 16 bit PNG.',
    );
    expect(error.exit).toBe(65);
  });

  it('says where on the first line of several', () => {
    const error = new CarpalError('manifest-invalid', '1 mistake\n  a.yaml:2 kind is missing', { where: 'a.yaml', fix: 'Mend it.' });
    expect(formatError(error)).toBe('manifest-invalid: 1 mistake (a.yaml)\n  a.yaml:2 kind is missing\n  → Mend it.');
  });

  it('takes a remedy of its own', () => {
    expect(formatError(new CarpalError('disk-full', 'no room', { fix: 'Buy a disk.' }))).toBe('disk-full: no room\n  → Buy a disk.');
  });
});
