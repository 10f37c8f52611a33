/** Wheels of Python's package index: downloaded once, pinned by their digests. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder } from './env.ts';
import { runOrExplain, SetupError } from './setup-error.ts';

export type Wheel = {
  /** The package with its version, as pip reads it. */
  readonly requirement: string;
  /** The name of the file that pip downloads. */
  readonly file: string;
  readonly sha256: string;
  /** The size of the download, as text. */
  readonly size: string;
  /** Options of pip for a wheel that is not for the Python of this machine. */
  readonly target?: readonly string[];
};

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * The path of the wheel in the cache. It is downloaded if it is not there, and checked against its digest on every use. Throws a SetupError
 * if the download fails, or if the file is another one.
 */
export async function downloadedWheel({ requirement, file: name, sha256, size, target = [] }: Wheel): Promise<string> {
  const folder = join(cacheFolder(), 'downloads');
  const file = join(folder, name);
  if (!existsSync(file)) {
    process.stdout.write(`  downloading ${requirement} (${size})\n`);
    mkdirSync(folder, { recursive: true });
    const partial = join(folder, `partial-${process.pid}`);
    try {
      runOrExplain(
        'python3',
        [
          ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
          ...[...target, '-d', partial, requirement],
        ],
        `Is the machine online, and does python3 -m pip work? Offline: put ${name} into ${folder}.`,
      );
      renameSync(join(partial, name), file);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  }
  if ((await sha256Of(file)) !== sha256) {
    throw new SetupError(
      `${file} is not the wheel that carpal was tested with: its sha256 differs.`,
      `Delete it and run make setup again.`,
    );
  }
  return file;
}
