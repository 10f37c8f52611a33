/**
 * Programs that die with the process that started them, whatever ends it: the kernel sends them SIGKILL when their parent is gone (prctl(2),
 * PR_SET_PDEATHSIG, set by util-linux's setpriv, which then becomes the program itself). A pipe to watch, as stages have it, would need the
 * program's help.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import { logTail } from '@carpal/operator/local/attempt-records.ts';

/** A parent that died before the kernel was asked for the signal leaves a child of another: a shell on the way looks, then becomes the program. */
const CHECK_PARENT = '[ "$PPID" = "$0" ] && exec "$@"';

export type ProcessEnd = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type TetheredProcess = {
  readonly pid: number;
  /** Resolves once the process has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Whether it has ended. */
  hasEnded(): boolean;
  /** Sends the signal, to the whole group where it leads one; nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM to the program alone, as a container runtime does, whatever it leads. */
  terminate(): void;
  /** Ends whatever is left of its group, once it has ended itself. */
  killRest(): void;
  /** The last lines that it wrote. */
  tail(lines: number): Promise<string>;
};

export type TetheredOptions = {
  readonly program: string;
  readonly args: readonly string[];
  /** Takes both outputs, appended. */
  readonly logFile: string;
  readonly cwd?: string;
  /** The whole environment; this process's own where absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gives the program a process group of its own, which signals then reach as a whole, and which Ctrl-C in a terminal does not. */
  readonly ownGroup?: boolean;
};

/** Starts the program. Throws `resource-missing` when setpriv is not there; a program that cannot be started ends with code 127. */
export async function startTethered({ program, args, logFile, cwd, env, ownGroup = true }: TetheredOptions): Promise<TetheredProcess> {
  const log = await open(logFile, 'a');
  let end: ProcessEnd | undefined;
  const ended = Promise.withResolvers<ProcessEnd>();
  const failed = Promise.withResolvers<Error>();
  let child: ChildProcess;
  try {
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'sh', '-c', CHECK_PARENT, String(process.pid), program, ...args], {
      stdio: ['ignore', log.fd, log.fd],
      detached: ownGroup,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
    });
    // Before anything is waited for: a program may end while the log is being closed, and tells it once.
    child.once('error', failed.resolve);
    child.once('exit', (code, signal) => {
      end = { code, signal };
      ended.resolve(end);
    });
  } finally {
    await log.close();
  }
  const { pid } = child;
  if (pid === undefined) {
    const cause = await failed.promise;
    throw new CarpalError('resource-missing', `setpriv cannot be started: ${cause.message}`, { fix: 'Install util-linux.', cause });
  }
  return {
    pid,
    ended: ended.promise,
    hasEnded: () => end !== undefined,
    kill: (signal) => {
      if (end !== undefined) return;
      if (ownGroup) signalGroup(pid, signal);
      else child.kill(signal);
    },
    terminate: () => void child.kill('SIGTERM'),
    killRest: () => ownGroup && signalGroup(pid, 'SIGKILL'),
    tail: (lines) => logTail(logFile, lines),
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It ended a moment ago and nobody has told us yet.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
