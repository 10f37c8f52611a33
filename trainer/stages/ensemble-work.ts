/** The parts of the ensemble stage share these options, this state, and the function that draws an image. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { ChosenThreshold } from '@carpal/artifacts/thresholds.ts';
import { withWriteErrors } from '@carpal/configs/file-errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import type { ReportPicture } from '@carpal/report/html/report-data.ts';
import { drawOverlay, OVERLAY_JPEG, OVERLAY_PNG, type Overlay } from '@carpal/report/images/overlay.ts';
import type { Radiographs } from '@carpal/report/images/radiographs.ts';
import type { Network } from '../infer/networks.ts';
import type { Pause } from '../infer/pause.ts';
import type { MemoryLimit } from '../memory/process-memory.ts';

export type EnsembleStage = {
  readonly experiment: SegmentationExperiment;
  readonly store: ArtifactStore;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal?: AbortSignal;
  /** Software and hardware of the stage, for the report. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly onProgress?: (done: number, total: number) => void;
  readonly log?: (line: string) => void;
  /** Memory that the process may use. By default the limit that the system sets. */
  readonly memoryLimit?: MemoryLimit;
};

export type EnsembleWork = EnsembleStage & {
  /** With the image sizes that inference needs. */
  readonly prepared: PreparedSet;
  /** A local folder that is published when it is complete. */
  readonly folder: string;
  readonly networks: readonly Network[];
  /** For warnings. Images are counted with `imageDone`. */
  readonly progress: Pick<ProgressWriter, 'warn' | 'warnings'>;
  /** Counts one image as finished. */
  readonly imageDone: () => Promise<void>;
  /** Throws stopped-with-checkpoint if the signal aborts. */
  readonly pause: Pause;
  /** Reports that work has advanced without a finished image. */
  readonly advanced: () => void;
};

/** The work once the folds' images are predicted. */
export type VoteWork = EnsembleWork & { readonly thresholds: readonly ChosenThreshold[] };

export type PictureOf = Pick<Overlay, 'masks' | 'truth' | 'notes' | 'dice'> & {
  readonly sample: PreparedSample;
  /** Text below the picture in the report, after the image's name. */
  readonly caption: string;
  /** Prefix of the file name, before the image's name. */
  readonly prefix?: string;
};

/** Writes the overlay of an image as a PNG into the existing folder report/overlays and returns it as a picture for the report. */
export async function drawPicture(
  { prepared, folder }: EnsembleWork,
  radiographs: Radiographs,
  { sample, caption, prefix = '', ...shown }: PictureOf,
): Promise<ReportPicture> {
  const { imageName: title, width, height } = sample;
  const picture = await radiographs.pictureOf(sample);
  const overlay = await drawOverlay({ ...shown, picture, width, height, classes: prepared.classes, title });
  const path = join(folder, 'report', FILE.overlays, `${prefix}${title.replace(/\.[^.]*$/, '')}.png`);
  const png = await overlay.clone().png(OVERLAY_PNG).toBuffer();
  await withWriteErrors(path, () => writeFile(path, png));
  return { title, caption: `${title}, ${caption}`, jpeg: await overlay.jpeg(OVERLAY_JPEG).toBuffer() };
}
