import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type ClassCut, readThresholdsFile } from '@carpal/artifacts/thresholds.ts';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withWriteErrors } from '@carpal/configs/file-errors.ts';
import { dice } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { traceOutline } from '@carpal/masks/trace-outline.ts';
import { weightedMajority } from '@carpal/masks/vote.ts';
import { stemOf } from '@carpal/report/dataset/image-names.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { findImages } from '@carpal/report/scoring/image-folder.ts';
import { fittedSquares } from './image-squares.ts';
import { checkWindow, type Network, openNetworks, type WeightsChoice } from './networks.ts';
import type { Viewing } from './views.ts';
import { voteMasks } from './vote.ts';

export type PseudoLabelOptions = {
  /** At least two networks: their agreement is the confidence. */
  readonly weights: readonly WeightsChoice[];
  readonly images: string;
  /** The data set to write. Existing files of the same names are replaced. */
  readonly out: string;
  /** The Dice that every network must reach against the common mask, in every class. */
  readonly agreement: number;
  /** One threshold for every class, or the path of an ensemble's thresholds.json. */
  readonly thresholds: number | string;
  readonly viewing: Viewing;
  readonly onProgress?: (done: number, total: number) => void;
};

/** One image: how well the networks agree, and the class in which they agree least. */
export type LabelledImage = {
  readonly imageName: string;
  readonly isKept: boolean;
  readonly agreement: number;
  readonly weakestClass: string;
};

/**
 * Writes a data set of images whose masks the networks agree on, in the layout of training data: the images as they are and the masks as
 * annotations with one polygon per class. An image is kept or left out as a whole, because a missing annotation would teach a network that
 * the bone is background. Every image is a person of its own unless it is in a person's folder of a data set. Each network counts by its
 * weight. Throws usage-invalid for fewer than two networks, and what predict throws.
 */
export async function pseudoLabel(options: PseudoLabelOptions): Promise<readonly LabelledImage[]> {
  const images = await findImages(options.images);
  const networks = await openNetworks(options.weights);
  try {
    if (networks.length < 2) {
      const fix = 'Give the weights of several folds or networks, or the folder of an experiment.';
      throw new CarpalError('usage-invalid', 'one network cannot agree with itself', { where: '--weights', fix });
    }
    const { viewing, thresholds } = options;
    if (viewing.window) checkWindow(networks, viewing.window);
    const { classes } = networks[0].facts;
    const cuts = await cutsOf(thresholds, classes);
    const results: LabelledImage[] = [];
    for (const { imageName, path } of images) {
      const { masks, agreements } = await agreedMasks(networks, options.viewing, cuts, path);
      const weakest = agreements.indexOf(Math.min(...agreements));
      const agreement = agreements[weakest] ?? 0;
      const isKept = agreement >= options.agreement;
      if (isKept) await writeLabelled(options.out, path, imageName, masks, classes);
      results.push({ imageName, isKept, agreement, weakestClass: classes[weakest] ?? '' });
      options.onProgress?.(results.length, images.length);
    }
    return results;
  } finally {
    for (const network of networks) network.dispose();
  }
}

/** Only the largest part of each mask with its holes filled: an annotation has one polygon per class. */
async function cutsOf(thresholds: number | string, classes: readonly string[]): Promise<readonly ClassCut[]> {
  const cuts =
    typeof thresholds === 'string' ? await readThresholdsFile(thresholds, classes) : classes.map(() => ({ threshold: thresholds }));
  return cuts.map(({ threshold }) => ({ threshold, cleaning: 'largest+fill' }));
}

/** The majority of the networks' masks, and for each class the lowest Dice of a network against it; 0 for a class that has no mask. */
async function agreedMasks(
  networks: readonly Network[],
  viewing: Viewing,
  cuts: readonly ClassCut[],
  path: string,
): Promise<{ masks: readonly RleMask[]; agreements: readonly number[] }> {
  const image = fittedSquares(await readRadiograph(path));
  const ballots: RleMask[][] = [];
  for (const network of networks) ballots.push(await voteMasks({ method: 'soft', networks: [network], viewing, cuts }, image));
  const weights = networks.map(({ weight = 1 }) => weight);
  const masks = cuts.map((_, index) =>
    weightedMajority(
      ballots.map((own) => own[index] as RleMask),
      weights,
    ),
  );
  const agreements = masks.map((mask, index) =>
    mask.bounds.length === 0 ? 0 : Math.min(...ballots.map((own) => dice(own[index] as RleMask, mask))),
  );
  return { masks, agreements };
}

async function writeLabelled(
  out: string,
  path: string,
  imageName: string,
  masks: readonly RleMask[],
  classes: readonly string[],
): Promise<void> {
  const person = personOf(path, imageName);
  const [images, annotations] = [join(out, 'train', 'DCM', person), join(out, 'train', 'outputs_json', person)];
  await withWriteErrors(images, () => mkdir(images, { recursive: true }));
  const copy = join(images, imageName);
  if (resolve(copy) !== resolve(path)) await withWriteErrors(copy, () => copyFile(path, copy));
  const document = {
    annotations: masks.map((mask, index) => ({
      id: `pseudo-${index}`,
      type: 'poly_seg',
      attributes: {},
      points: traceOutline(mask),
      label: classes[index],
    })),
    attributes: { source: 'carpal pseudo-label' },
  };
  await writeFileAtomically(join(annotations, `${stemOf(imageName)}.json`), `${JSON.stringify(document)}\n`);
}

/** The person's folder of an image in the layout `DCM/<person>/<image>`; otherwise the name of the image. */
function personOf(path: string, imageName: string): string {
  const folder = dirname(resolve(path));
  return basename(dirname(folder)) === 'DCM' ? basename(folder) : stemOf(imageName);
}
