import { spawnSync } from 'node:child_process';
import { SetupError } from './setup-error.ts';

/** What decides whether this machine can hold TensorFlow and compile the binding. */
export type Machine = {
  readonly platform: string;
  readonly arch: string;
  /** Version of the GNU C library, undefined where the system has another. */
  readonly glibc: string | undefined;
  readonly hasCommand: (command: string) => boolean;
};

/** The machine that this runs on. */
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

/** What the machine lacks, with the mend, before anything is downloaded; undefined where nothing is in the way. */
export function machineFault({ platform, arch, glibc, hasCommand }: Machine): SetupError | undefined {
  if (platform !== 'linux' || arch !== 'x64') {
    return new SetupError(
      `TensorFlow's wheel serves linux x64; this is ${platform} ${arch}.`,
      'Run carpal on a Linux x64 machine or in a linux/amd64 container. What trains and predicts needs TensorFlow; the rest works here.',
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
