import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadClasses } from '@carpal/configs/classes.ts';
import { expect, it } from 'vitest';
import { pageOf } from './committed-results.ts';

const docs = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

it('the committed page of results is the one of the committed data', () => {
  expect(pageOf(docs('results.json'), loadClasses('hand-bones'))).toBe(docs('results.md'));
});
