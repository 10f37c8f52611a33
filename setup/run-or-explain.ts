import { spawnSync } from 'node:child_process';
import { SetupError } from './setup-error.ts';

/** Runs a command; its output is shown only when it fails, as a SetupError with `mend`. */
export function runOrExplain(
  command: string,
  args: readonly string[],
  fix: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): void {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (done.error || done.status !== 0) {
    const said = done.error ? done.error.message : `${done.stdout}${done.stderr}`.trim().split('\n').slice(-12).join('\n');
    throw new SetupError(`${command} failed:\n${said}`, fix);
  }
}
