import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CarpalError, ERRORS, EXIT, formatError } from './errors.ts';

/** The lines of docs/errors.md as code → [exit, meaning, fix]. */
function documented(): [string, { exit: number; meaning: string; fix: string }][] {
  const text = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^- `([^`]+)` \((\d+)\): (.+) → (.+)$/gm)].map(([, code = '', exit, meaning = '', fix = '']) => [
    code,
    { exit: Number(exit), meaning, fix },
  ]);
}

describe('the error table', () => {
  it('equals docs/errors.md', () => {
    expect(documented().map(([code]) => code)).toEqual(Object.keys(ERRORS));
    expect(Object.fromEntries(documented())).toEqual(ERRORS);
  });

  it.each(Object.entries(ERRORS))('%s has a kebab-case code, a known exit code, and whole sentences as meaning and fix', (code, entry) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(Object.values(EXIT)).toContain(entry.exit);
    expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
    expect(entry.fix).toMatch(/^\S.*\.$/);
  });
});

describe('formatError', () => {
  it('shows the code, what is wrong, where, and how to fix it', () => {
    const error = new CarpalError('image-unreadable', 'the PNG ends early', { where: 'train/DCM/ID001/a.png' });
    expect(formatError(error)).toBe(
      'image-unreadable: the PNG ends early (train/DCM/ID001/a.png)\n  → Replace it with a complete PNG, JPEG or TIFF of 8 or 16 bits, or with a grey DICOM file. docs/data.md lists what is read.',
    );
    expect(error.exit).toBe(65);
  });

  it('shows the place on the first of several lines', () => {
    const error = new CarpalError('manifest-invalid', '1 mistake\n  a.yaml:2 kind is missing', { where: 'a.yaml', fix: 'Fix it.' });
    expect(formatError(error)).toBe('manifest-invalid: 1 mistake (a.yaml)\n  a.yaml:2 kind is missing\n  → Fix it.');
  });

  it('shows no escape sequence of a message, a place or a fix', () => {
    const error = new CarpalError('disk-full', 'a\u001b]0;title\u0007b', { where: 'c\u009b2Jd', fix: 'Fix\u202e it.' });
    expect(formatError(error)).toBe('disk-full: ab (cd)\n  → Fix it.');
  });

  it('shows the fix of the error instead of the fix in the table', () => {
    expect(formatError(new CarpalError('disk-full', 'no space', { fix: 'Use another disk.' }))).toBe(
      'disk-full: no space\n  → Use another disk.',
    );
  });
});
