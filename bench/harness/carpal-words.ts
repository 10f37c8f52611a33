import { join } from 'node:path';

/** The words that call carpal as a process of its own. */
export const CARPAL: readonly string[] = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, '../../cli.ts'),
];
