/**
 * Programs that end together with the process that started them, however it ends: the kernel sends them SIGKILL when their parent is gone
 * (prctl(2), PR_SET_PDEATHSIG, set by util-linux's setpriv, which then becomes the program). A pipe, as stages have it, would need the
 * program's cooperation.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { logTail } from '@carpal/operator/local/attempt-records.ts';
import { identify, type ProcessIdentity, stateOf } from '@carpal/operator/local/process-identity.ts';

/** The folder in which setup/cluster-tools.ts links the programs. */
const TOOLS = fileURLToPath(new URL('../../node_modules/.carpal-tools/', import.meta.url));

/** The path of a program that `make cluster-tools` builds. Throws `resource-missing` if it has not been built. */
export function clusterTool(name: 'control-plane' | 'kueue' | 'kwok' | 'versitygw'): string {
  const path = `${TOOLS}${name}`;
  if (!existsSync(path)) throw new CarpalError('resource-missing', `${name} is not built`, { where: path, fix: 'Run make cluster-tools.' });
  return path;
}

/** If the parent ends before the kernel knows the signal, the child has another parent. A shell checks that, then becomes the program. */
const CHECK_PARENT = '[ "$PPID" = "$0" ] && exec "$@"';

export type ProcessEnd = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  hasEnded(): boolean;
  /** Sends the signal to the process, or to its whole group if it has one. Does nothing after the end. */
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM to the process alone, as a container runtime does. */
  terminate(): void;
  /** Kills what is left of the process group after the end. */
  killRest(): void;
  /** The last lines that it wrote. */
  tail(lines: number): Promise<string>;
};

export type ChildOptions = {
  readonly program: string;
  readonly args: readonly string[];
  /** Receives stdout and stderr, appended. */
  readonly logFile: string;
  readonly cwd?: string;
  /** The whole environment. Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Whether the program gets its own process group, which `kill` reaches as a whole and Ctrl-C in a terminal does not reach. Default: true.
   */
  readonly ownGroup?: boolean;
};

/** Starts a program. Throws `resource-missing` if setpriv is not installed. A program that cannot be started ends with code 127. */
export async function startChild({ program, args, logFile, cwd, env, ownGroup = true }: ChildOptions): Promise<Child> {
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
    // Before the first await: a program can end while the log is being closed, and its end is reported once.
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
    // It has just ended, and the event has not arrived yet.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

const OWNER = 'owner.json';

/** Writes into a folder that it belongs to this process. Others may read it at any time, to find abandoned folders. */
export async function ownFolder(folder: string): Promise<void> {
  await writeFileAtomically(join(folder, OWNER), JSON.stringify(identify(process.pid)));
}

/** Removes the folders in `parent` whose names begin with `prefix` and whose owner was killed. Keeps folders without an owner. */
export async function removeAbandonedFolders(parent: string, prefix: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  await Promise.all(
    names.map(async (name) => {
      const folder = join(parent, name);
      const owner = await readFile(join(folder, OWNER), 'utf8').catch(() => undefined);
      if (owner === undefined || stateOf(JSON.parse(owner) as ProcessIdentity) !== 'ended') return;
      await rm(folder, { recursive: true, force: true });
    }),
  );
}
