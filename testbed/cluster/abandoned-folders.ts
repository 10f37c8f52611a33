/** Folders of programs that were killed before they could tidy up: each names its owner, and goes once that is dead. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from '@carpal/operator/local/process-identity.ts';

const OWNER = 'owner.json';

/** Says in the folder that it is this process's. */
export async function own(folder: string): Promise<void> {
  await writeFile(join(folder, OWNER), JSON.stringify(identify(process.pid)));
}

/** Removes the folders beside each other that begin with `prefix` and whose owner is dead. Folders without an owner are left alone. */
export async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  await Promise.all(
    names.map(async (name) => {
      const folder = join(parent, name);
      const owner = await readFile(join(folder, OWNER), 'utf8').catch(() => undefined);
      if (owner === undefined || isAlive(JSON.parse(owner) as ProcessIdentity)) return;
      await rm(folder, { recursive: true, force: true });
    }),
  );
}
