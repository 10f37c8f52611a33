import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Figure } from './figure.ts';

const run = promisify(execFile);

/** Runs a main file of this folder in a process of its own, so that its memory and its threads are its own; it prints its figure. */
export async function ownProcess(main: string, request: object): Promise<Figure> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, main), JSON.stringify(request)]);
  return JSON.parse(stdout) as Figure;
}
