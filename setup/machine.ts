import { spawnSync } from 'node:child_process';
import { SetupError } from './setup-error.ts';

/** The properties that decide whether this machine can run TensorFlow and compile the binding. */
export type Machine = {
  readonly platform: string;
  readonly arch: string;
  /** Version of the GNU C library; undefined if the system has another C library. */
  readonly glibc: string | undefined;
  readonly hasCommand: (command: string) => boolean;
};

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return {
    platform: process.platform,
    arch: process.arch,
    glibc: report.header?.glibcVersionRuntime,
    hasCommand: (command) => spawnSync(command, ['--version']).error === undefined,
  };
}

const NEEDED = [
  { command: 'g++', debian: 'g++' },
  { command: 'python3', debian: 'python3 python3-pip' },
] as const;

/** Returns what the machine lacks, with the fix; undefined if it lacks nothing. Checked before anything is downloaded. */
export function machineFault({ platform, arch, glibc, hasCommand }: Machine): SetupError | undefined {
  if (platform !== 'linux' || arch !== 'x64') {
    return new SetupError(
      `TensorFlow's wheel supports linux x64; this is ${platform} ${arch}.`,
      'Run carpal on a Linux x64 machine or in a linux/amd64 container. Commands that train or predict need TensorFlow; all others work here.',
    );
  }
  if (glibc === undefined) {
    return new SetupError('TensorFlow needs glibc; this system has another C library.', 'Use a Debian, Ubuntu, Fedora or similar image.');
  }
  const missing = NEEDED.find(({ command }) => !hasCommand(command));
  if (!missing) return undefined;
  return new SetupError(
    `${missing.command} is missing.`,
    `Install it (Debian and Ubuntu: apt-get install ${missing.debian}) and run make setup again.`,
  );
}
