/** The sizes of a run: from the manifest, from the start of the run, or from trial steps on this machine. */
import { loadClasses } from '@carpal/configs/classes.ts';
import { sizesUnmeasured } from '@carpal/configs/load.ts';
import { withSizes } from '@carpal/configs/schema/auto.ts';
import type { CheckedManifest, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { foldsAtOnce } from '@carpal/operator/local/local-parallelism.ts';
import { readRunSpec, runFolder } from '@carpal/operator/local/run-folder.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { measureSizes } from '@carpal/trainer/memory/measure-sizes.ts';
import { readMemoryLimit, sharedLimit } from '@carpal/trainer/memory/process-memory.ts';
import { runTrial } from '@carpal/trainer/memory/trial.ts';
import { foldImages } from './fold-images.ts';

/** The images of a data set have similar sizes, so a few are enough. */
const IMAGES_LOOKED_AT = 16;

export type SizeRequest = {
  /** The manifest, with `run.parallelism` limited to the machine. */
  readonly manifest: CheckedManifest;
  readonly workFolder: string;
  /** Whether the existing run of that name, and its sizes, will be deleted. */
  readonly fresh: boolean;
  /** The local folder of the data set. */
  readonly dataset: string;
  readonly mayTry: boolean;
  readonly log: (line: string) => void;
};

/**
 * The experiment with a number for every size. Throws `sizes-unmeasured` if a size must be measured and `mayTry` is false, and what {@link
 * measureSizes} throws.
 */
export async function withKnownSizes(request: SizeRequest): Promise<SegmentationExperiment> {
  const { manifest, workFolder, fresh, mayTry, log } = request;
  const begun = fresh ? undefined : await readRunSpec(runFolder(workFolder, manifest));
  const sizes = begun === undefined ? {} : { inputSize: begun.input.size, batchSize: begun.training.batchSize };
  const known = withSizes(manifest, sizes);
  if (known !== undefined) return known;
  const { spec } = manifest;
  if (!mayTry) throw sizesUnmeasured(spec, { fix: 'Remove --no-trial, or write numbers.' });
  // Loaded here because it loads the image library, which no other part of the command needs.
  const { readImageHeader } = await import('@carpal/report/dataset/read-radiograph.ts');
  const { train } = await discoverDataset(request.dataset);
  const trained = foldImages(train, spec.dataset.split).filter(({ fold }) => spec.run.folds.includes(fold));
  const headers = await Promise.all(train.slice(0, IMAGES_LOOKED_AT).map(({ imagePath }) => readImageHeader(imagePath)));
  const limit = sharedLimit(await readMemoryLimit(), foldsAtOnce(manifest));
  return await measureSizes({
    manifest,
    classes: loadClasses(spec.dataset.classes).length,
    images: Math.min(...trained.map((fold) => fold.train)),
    longestSide: Math.max(...headers.map(({ width, height }) => Math.max(width, height))),
    limitMb: limit.bytes / 2 ** 20,
    trial: (trial, limitMb) => runTrial(trial, { limitMb }),
    log,
  });
}
