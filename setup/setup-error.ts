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

/** Runs a command. Its output is shown only if it fails: as a SetupError with `fix`. */
export function runOrExplain(
  command: string,
  args: readonly string[],
  fix: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): void {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (done.error || done.status !== 0) {
    const output = done.error ? done.error.message : `${done.stdout}${done.stderr}`.trim().split('\n').slice(-12).join('\n');
    throw new SetupError(`${command} failed:\n${output}`, fix);
  }
}
