import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { manifestSettings } from './manifest-settings.ts';
import { allManifests, gitopsFiles } from './manifests.ts';

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

describe('docs/operations/upgrade.md', () => {
  it('lists old names, which no object has any more', () => {
    const text = readFileSync(new URL('../../docs/operations/upgrade.md', import.meta.url), 'utf8');
    const commands = [...text.matchAll(/^kubectl delete (\S+) (\S+)$/gm)].flatMap(([, kinds = '', name = '']) =>
      kinds.split(',').map((kind) => `${kind} ${name}`),
    );
    expect(commands.length).toBe(4);
    const current = (
      allManifests(manifestSettings()) as readonly { readonly kind: string; readonly metadata: { readonly name: string } }[]
    ).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(commands.filter((one) => current.includes(one))).toEqual([]);
    // Objects of these kinds exist under new names.
    for (const command of commands) expect(current.map((one) => one.split(' ')[0])).toContain(command.split(' ')[0]);
  });
});
