import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Mounts a tmpfs on $1 with the options $2, runs the rest, and then lists the files on the disk to $3. Only this process sees the disk. */
const SCRIPT = `disk=$1 options=$2 listing=$3; shift 3
mount -t tmpfs -o "$options" none "$disk" || exit 33
"$@"; code=$?; (cd "$disk" && find . -type f) > "$listing"; exit $code`;

const namespaced = (flags: string, words: readonly string[]): string[] => ['unshare', flags, 'sh', '-c', SCRIPT, 'sh', ...words];

/**
 * The flags of unshare with which this machine lets a process mount a disk: as root, or as root of a user namespace. Undefined if it allows
 * neither.
 */
export async function mountFlags(): Promise<string | undefined> {
  const disk = await mkdtemp(join(tmpdir(), 'carpal-disk-'));
  try {
    for (const flags of ['-m', '-rm']) {
      const [program = '', ...words] = namespaced(flags, [disk, 'size=64k', '/dev/null', 'true']);
      const mounts = await promisify(execFile)(program, words).then(
        () => true,
        () => false,
      );
      if (mounts) return flags;
    }
    return undefined;
  } finally {
    await rm(disk, { recursive: true });
  }
}

/** A command that runs with a small disk mounted on the folder `disk`. */
export function onDisk(flags: string, disk: string, options: string, listing: string, command: readonly string[]): readonly string[] {
  return namespaced(flags, [disk, options, listing, ...command]);
}
