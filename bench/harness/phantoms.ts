import { join } from 'node:path';
import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';

/** Of most benchmarks: enough for two cores to be busy, few enough to be made in seconds. */
const PEOPLE = 8;
const PARAMETERS = { testPeople: 0, seed: 5, size: 2048 } as const;

/** A folder of phantom hands, two of each person, made on the first call and found again on later ones. */
export async function makePhantoms(scratch: string, people: number = PEOPLE): Promise<string> {
  const folder = join(scratch, `phantoms-${people}`);
  await synthesizeDataset({ folder, people, ...PARAMETERS });
  return folder;
}
