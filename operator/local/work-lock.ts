/**
 * Allows one run at a time in a work folder, on a plain file system, on a drive that several machines share, and across kill -9.
 * The lock is a series of claims `lock/<n>.json`; the claim with the highest number holds it. A claim is made with a hard link, which fails
 * if the number is taken. A new claim gets the next number, and only if the process of the highest claim is dead or has released it. The
 * highest claim is never removed, so numbers only grow. A process that finds a higher claim after it made its own was too late and does not
 * hold the lock. A process that cannot be checked from here, because it runs on another host, counts as running: only a person can know
 * better.
 */

import { link, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { makeFolder, writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { formerHostname, identify, type ProcessIdentity, stateOf, whereIs } from './process-identity.ts';

type Claim = { readonly process: ProcessIdentity; readonly what: string; readonly released?: boolean };
export type WorkLock = {
  /** Whether this process still holds the lock. It loses it if a person removes the lock. */
  isHeld(): Promise<boolean>;
  /** Does nothing if the lock is lost. */
  release(): Promise<void>;
};

async function claimNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const numbers = names.flatMap((name) => (/^[0-9]{1,9}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []));
  return numbers.sort((a, b) => a - b);
}

async function readClaim(folder: string, number: number): Promise<Claim | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, `${number}.json`), 'utf8')) as Claim;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function lockedError(workFolder: string, folder: string, { what, process: holder }: Claim): CarpalError {
  const place = whereIs(holder);
  if (stateOf(holder) === 'alive')
    return new CarpalError('run-locked', `${what} is running here as process ${holder.pid}`, { where: workFolder });
  const where = place === '' ? 'here' : place;
  return new CarpalError('run-locked', `${what} holds this work folder as process ${holder.pid} ${where}; it cannot be checked from here`, {
    where: workFolder,
    fix:
      `If it still runs, wait for it or stop it there, or give this run its own --workdir. If it has ended, or this folder is a copy, ` +
      `remove ${folder} and run the command again: it continues from the checkpoints.`,
  });
}

/**
 * Takes the lock of a work folder for this process, or throws `run-locked` with the process that holds it. `what` describes this run.
 * `notice` gets a line for people if the lock is taken over from a time when this machine had another hostname.
 */
export async function lockWorkFolder(
  workFolder: string,
  what: string,
  notice: (line: string) => void = () => undefined,
): Promise<WorkLock> {
  const folder = join(workFolder, 'lock');
  await makeFolder(folder);
  const claim: Claim = { process: identify(process.pid), what };
  // Processes of several machines can have the same pid.
  const drafts = await withWriteErrors(folder, () => mkdtemp(join(folder, 'draft-')));
  const draft = join(drafts, 'claim.json');
  try {
    await withWriteErrors(draft, () => writeFile(draft, JSON.stringify(claim)));
    const { number, former } = await claimNext(workFolder, folder, draft);
    const host = former === undefined ? undefined : formerHostname(former.process);
    if (host !== undefined)
      notice(`the last run in ${workFolder} was on this machine when it was called ${host}; this run continues from it`);
    return lockOf(folder, number, claim);
  } finally {
    await rm(drafts, { recursive: true, force: true });
  }
}

/** `former`: the claim that was taken over. */
type Claimed = { readonly number: number; readonly former: Claim | undefined };

async function claimNext(workFolder: string, folder: string, draft: string): Promise<Claimed> {
  for (;;) {
    const highest = await highestClaim(folder);
    const former = highest?.claim;
    if (former !== undefined && former.released !== true && stateOf(former.process) !== 'ended')
      throw lockedError(workFolder, folder, former);
    const mine = (highest?.number ?? 0) + 1;
    try {
      await link(draft, join(folder, `${mine}.json`));
    } catch (error) {
      if (systemErrorCode(error) === 'EEXIST') continue;
      throw error;
    }
    const numbers = await claimNumbers(folder);
    if (numbers.at(-1) !== mine) {
      await rm(join(folder, `${mine}.json`), { force: true });
      continue;
    }
    for (const older of numbers) if (older < mine) await rm(join(folder, `${older}.json`), { force: true });
    return { number: mine, former };
  }
}

/** `claim` is undefined if the file was removed in the meantime. */
async function highestClaim(folder: string): Promise<{ readonly number: number; readonly claim: Claim | undefined } | undefined> {
  const number = (await claimNumbers(folder)).at(-1);
  return number === undefined ? undefined : { number, claim: await readClaim(folder, number) };
}

function lockOf(folder: string, number: number, claim: Claim): WorkLock {
  const isHeld = async (): Promise<boolean> => {
    const highest = await highestClaim(folder);
    return highest?.number === number && isDeepStrictEqual(highest.claim, claim);
  };
  return {
    isHeld,
    async release() {
      if (await isHeld()) await writeFileAtomically(join(folder, `${number}.json`), JSON.stringify({ ...claim, released: true }));
    },
  };
}
