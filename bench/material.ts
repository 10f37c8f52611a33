import { join } from 'node:path';
import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';

/** The phantoms that every benchmark works on: enough for two cores to be busy, few enough to be made in seconds. */
const PARAMETERS = { people: 8, testPeople: 0, seed: 5, size: 2048 } as const;

/** A folder of phantom hands, made on the first call and found again on later ones. */
export async function makePhantoms(scratch: string): Promise<string> {
  const folder = join(scratch, `phantoms-${PARAMETERS.people}`);
  await synthesizeDataset({ folder, ...PARAMETERS });
  return folder;
}
