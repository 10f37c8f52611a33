/** The phantom hands that cases measure on. */
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { prepareDataset } from '@carpal/trainer/data/prepare.ts';
import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';
import type { CaseInput } from './case.ts';

/** Side of the competition's images in pixels. */
export const IMAGE_SIZE = 2048;
/** For most cases: enough to keep two cores busy, few enough to be drawn in seconds. */
const PEOPLE = 8;
const PARAMETERS = { testPeople: 0, seed: 5, size: IMAGE_SIZE } as const;

/** A folder of phantom hands, two per person. It is made on the first call and reused afterwards. */
export async function makePhantoms(scratch: string, people: number = PEOPLE): Promise<string> {
  const folder = join(scratch, `phantoms-${people}`);
  await synthesizeDataset({ folder, people, ...PARAMETERS });
  return folder;
}

/** The annotation file of a phantom, and its masks in class order. */
export type PhantomMasks = { readonly imageName: string; readonly annotation: string; readonly masks: readonly RleMask[] };

/** The masks of the first `count` phantoms of a folder. */
export async function phantomMasks(phantoms: string, classes: readonly string[], count: number): Promise<PhantomMasks[]> {
  const { train } = await discoverDataset(phantoms);
  return Promise.all(
    train.slice(0, count).map(async ({ imageName, annotationPath }) => {
      if (annotationPath === undefined) throw new Error(`the phantom ${imageName} has no annotation`);
      const polygons = await readAnnotation(annotationPath, classes);
      return { imageName, annotation: annotationPath, masks: polygons.map((polygon) => fillPolygon(polygon, IMAGE_SIZE, IMAGE_SIZE)) };
    }),
  );
}

/** The training images of a phantom folder as a prepared data set. */
export type PreparedPhantoms = { readonly folder: string; readonly samples: Awaited<ReturnType<typeof prepareDataset>>['samples'] };

/** Prepares the phantoms at `size` px in a store that is kept, so that the work is done once. */
export async function preparedPhantoms({ scratch, phantoms, classes }: CaseInput, size: number): Promise<PreparedPhantoms> {
  const store = openStore(join(scratch, 'feed'));
  const { folder, samples } = await prepareDataset({ folder: phantoms, size, classes, store, namespace: 'bench' });
  return { folder, samples };
}
