import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE } from '@carpal/configs/names.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import type { ReportPicture } from '@carpal/report/html/report-data.ts';
import { drawOverlay, OVERLAY_JPEG, OVERLAY_PNG, type Overlay } from '@carpal/report/images/overlay.ts';
import type { Radiographs } from '@carpal/report/images/radiographs.ts';
import type { EnsembleWork } from './ensemble-work.ts';

export type PictureOf = Pick<Overlay, 'masks' | 'truth' | 'notes' | 'dice'> & {
  readonly sample: PreparedSample;
  /** What the report says below it, behind the image's name. */
  readonly caption: string;
  /** Before the image's name in the name of the file. */
  readonly prefix?: string;
};

/** Writes the overlay of an image as a PNG into report/overlays, which is there, and returns it as the report's picture. */
export async function drawPicture(
  { prepared, folder }: EnsembleWork,
  radiographs: Radiographs,
  { sample, caption, prefix = '', ...shown }: PictureOf,
): Promise<ReportPicture> {
  const { imageName: title, width, height } = sample;
  const picture = await radiographs.pictureOf(sample);
  const overlay = await drawOverlay({ ...shown, picture, width, height, classes: prepared.classes, title });
  const path = join(folder, 'report', FILE.overlays, `${prefix}${title.replace(/\.[^.]*$/, '')}.png`);
  await writeFile(path, await overlay.clone().png(OVERLAY_PNG).toBuffer());
  return { title, caption: `${title}, ${caption}`, jpeg: await overlay.jpeg(OVERLAY_JPEG).toBuffer() };
}
