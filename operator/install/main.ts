/** Writes the generated files of infra/gitops from the code: `make manifests`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { gitopsFiles } from './manifests.ts';

const root = new URL('../../infra/gitops/', import.meta.url);
for (const [path, text] of Object.entries(gitopsFiles())) {
  const file = new URL(path, root);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
}
