import { join } from 'node:path';
import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { translation, warpPolygon } from '@carpal/masks/warp.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import { SHEET } from '../harness/sheet-masks.ts';

/** Seven networks, as the original voted over. */
export const SUBMISSIONS = 7;

type VoteMaterial = {
  readonly phantoms: string;
  /** Where the files go. */
  readonly folder: string;
  readonly classes: readonly string[];
  /** Images of each submission; where there are fewer phantoms they come again, a few pixels away. */
  readonly images: number;
};

/** Submissions that differ by a few pixels, as those of several networks do. Returns their paths. */
export async function writeSubmissions({ phantoms, folder, classes, images }: VoteMaterial): Promise<string[]> {
  const { train } = await discoverDataset(phantoms);
  const hands = await Promise.all(train.slice(0, images).map(({ annotationPath }) => readAnnotation(annotationPath ?? '', classes)));
  const paths = Array.from({ length: SUBMISSIONS }, (_, index) => join(folder, `vote-${index}.csv`));
  for (const [index, path] of paths.entries()) {
    await writeSubmission(path, async (writer) => {
      for (let image = 0; image < images; image++) {
        const hand = image % hands.length;
        const round = Math.floor(image / hands.length);
        const name = train[hand]?.imageName ?? '';
        for (const [classIndex, polygon] of (hands[hand] ?? []).entries()) {
          const moved = warpPolygon(polygon, translation((index % 3) - 1 + round, (index % 2) - 1 + round));
          await writer.write(round === 0 ? name : `${round}-${name}`, classes[classIndex] ?? '', fillPolygon(moved, SHEET, SHEET));
        }
      }
    });
  }
  return paths;
}
