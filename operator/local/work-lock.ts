/**
 * Allows one run at a time in a work folder, on a plain file system and across kill -9.
 * The lock is a series of claims `lock/<n>.json`; the claim with the highest number holds it. A claim is made with a hard link, which fails
 * if the number is taken. A new claim gets the next number, and only if the process of the highest claim is dead or has released it. The
 * highest claim is never removed, so numbers only grow. A process that finds a higher claim after it made its own was too late and does not
 * hold the lock.
 */

import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

type Claim = { readonly process: ProcessIdentity; readonly what: string; readonly released?: boolean };
export type WorkLock = { release(): Promise<void> };

async function claimNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
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

function lockedError(workFolder: string, folder: string, claim: Claim): CarpalError {
  const elsewhere = claim.process.host === identify(process.pid).host ? '' : ` on ${claim.process.host}`;
  const fix =
    elsewhere === ''
      ? {}
      : { fix: `Wait for it, or give this run its own --workdir. If you are sure that the other run has ended, remove ${folder}.` };
  return new CarpalError('run-locked', `${claim.what} is running here as process ${claim.process.pid}${elsewhere}`, {
    where: workFolder,
    ...fix,
  });
}

/** Takes the lock of a work folder for this process, or throws `run-locked` with the process that holds it. `what` describes this run. */
export async function lockWorkFolder(workFolder: string, what: string): Promise<WorkLock> {
  const folder = join(workFolder, 'lock');
  await makeFolder(folder);
  const claim: Claim = { process: identify(process.pid), what };
  const draft = join(folder, `draft-${process.pid}`);
  await withWriteErrors(draft, () => writeFile(draft, JSON.stringify(claim)));
  try {
    return await claimNext(workFolder, folder, draft, claim);
  } finally {
    await rm(draft, { force: true });
  }
}

async function claimNext(workFolder: string, folder: string, draft: string, claim: Claim): Promise<WorkLock> {
  for (;;) {
    const highest = (await claimNumbers(folder)).at(-1) ?? 0;
    const holder = highest === 0 ? undefined : await readClaim(folder, highest);
    if (holder !== undefined && holder.released !== true && isAlive(holder.process)) throw lockedError(workFolder, folder, holder);
    const mine = highest + 1;
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
    return { release: () => writeFileAtomically(join(folder, `${mine}.json`), JSON.stringify({ ...claim, released: true })) };
  }
}
