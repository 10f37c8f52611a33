import { spawnSync } from 'node:child_process';

/** The reason why set-up stops: what is wrong with this machine, and the fix. */
export class SetupError extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.name = 'SetupError';
    this.fix = fix;
  }
}

type RunOptions = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv };

/** Runs a command. Its output is shown only if it fails: as a SetupError with `fix`. */
export function runOrExplain(command: string, args: readonly string[], fix: string, options: RunOptions = {}): void {
  outputOf(command, args, fix, options);
}

/** What a command writes to stdout. Throws a SetupError with `fix` if it fails. */
export function outputOf(command: string, args: readonly string[], fix: string, options: RunOptions = {}): string {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (done.error || done.status !== 0) {
    const output = done.error ? done.error.message : `${done.stdout}${done.stderr}`.trim().split('\n').slice(-12).join('\n');
    throw new SetupError(`${command} failed:\n${output}`, fix);
  }
  return done.stdout;
}
