import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadClasses } from '@carpal/configs/classes.ts';
import { expect, it } from 'vitest';
import { pageOf } from './measure-results.ts';

const docs = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

it('the committed page of results is generated from the committed data, and contains no verdict', () => {
  const page = pageOf(docs('results.json'), loadClasses('hand-bones'));
  expect(page).toBe(docs('results.md'));
  expect(page).not.toMatch(/confirmed|refuted|NaN|undefined/);
});
