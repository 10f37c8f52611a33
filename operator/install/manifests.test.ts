import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gitopsFiles } from './manifests.ts';

const root = new URL('../../infra/gitops/', import.meta.url);

describe('infra/gitops', () => {
  it.each(Object.entries(gitopsFiles()))('has %s as `make manifests` writes it', (path, text) => {
    const file = new URL(path, root);
    // Compared first, so that one changed line does not print the whole file.
    const isCurrent = existsSync(file) && readFileSync(file, 'utf8') === text;
    expect(isCurrent, 'run make manifests').toBe(true);
  });

  it.each(['base', 'components/monitoring', 'components/experiment-namespace', 'components/prune'])('has no other file in %s', (folder) => {
    const known = Object.keys(gitopsFiles()).filter((path) => path.startsWith(`${folder}/`));
    expect(
      readdirSync(new URL(`${folder}/`, root))
        .map((name) => `${folder}/${name}`)
        .toSorted(),
    ).toEqual(known.toSorted());
  });
});
