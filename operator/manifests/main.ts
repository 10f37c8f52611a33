/** Writes infra/gitops/base from the code: `make manifests`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { baseFiles } from './base-files.ts';

const folder = new URL('../../infra/gitops/base/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(baseFiles())) writeFileSync(new URL(name, folder), text);
