import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { baseFiles } from './base-files.ts';

describe('infra/gitops/base', () => {
  it.each(Object.entries(baseFiles()))('has %s as `make manifests` writes it', (name, text) => {
    // Compared first, so that a difference of a line does not print the whole file.
    const isCurrent = readFileSync(new URL(`../../infra/gitops/base/${name}`, import.meta.url), 'utf8') === text;
    expect(isCurrent, 'run make manifests').toBe(true);
  });
});
