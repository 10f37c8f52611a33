import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Figure } from './figure.ts';

const run = promisify(execFile);

/** Runs a main file of this folder in a process of its own, so that its memory and its threads are its own; it prints what it found. */
export async function ownProcess<Found = Figure>(main: string, request: object): Promise<Found> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, main), JSON.stringify(request)]);
  return JSON.parse(stdout) as Found;
}
