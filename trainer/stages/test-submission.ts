import { join } from 'node:path';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import type { ReportPicture } from '@carpal/report/html/report-data.ts';
import { pickEvenly } from '@carpal/report/images/pick-images.ts';
import type { Radiographs } from '@carpal/report/images/radiographs.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import { preparedSquares } from '../infer/image-squares.ts';
import { detailSizeOf, viewingOf } from '../infer/views.ts';
import { voteMasks } from '../infer/vote.ts';
import { drawPicture, type EnsembleWork, type VoteWork } from './ensemble-work.ts';

/** An overlay needs about one megabyte, so only some evenly spread test images get one. */
const TEST_OVERLAYS = 24;
/** How many of them the report shows. */
const TEST_PICTURES = 6;

/** Writes ensemble/submission.csv, and overlays of some test images to report/overlays. Returns the pictures for the report. */
export async function writeTestSubmission(work: VoteWork, radiographs: Radiographs): Promise<ReportPicture[]> {
  const { experiment, prepared, folder, networks } = work;
  await makeFolder(join(folder, 'report', FILE.overlays));
  const samples = prepared.samples.filter(({ half }) => half === 'test');
  const viewing = viewingOf(experiment.spec);
  const detailSize = detailSizeOf(viewing, prepared.size);
  const vote = { method: experiment.spec.ensemble.method, networks, viewing, cuts: work.thresholds, pause: work.pause };
  const overlays = pickEvenly(samples.length, TEST_OVERLAYS);
  const shown = pickEvenly(samples.length, TEST_PICTURES);
  const pictures: ReportPicture[] = [];
  await writeSubmission(join(folder, 'ensemble', FILE.submission), async (writer) => {
    for (const [index, sample] of samples.entries()) {
      const masks = await voteMasks(vote, await preparedSquares(prepared, sample, detailSize));
      for (const [classIndex, mask] of masks.entries()) await writer.write(sample.imageName, prepared.classes[classIndex] ?? '', mask);
      if (overlays.has(index) || shown.has(index)) {
        const picture = await testOverlay(work, sample, masks, radiographs);
        if (shown.has(index)) pictures.push(picture);
      }
      await work.imageDone();
      await work.pause();
    }
  });
  return pictures;
}

async function testOverlay(
  work: EnsembleWork,
  sample: PreparedSample,
  masks: readonly RleMask[],
  radiographs: Radiographs,
): Promise<ReportPicture> {
  const { group } = sample;
  const found = `${masks.filter((mask) => mask.bounds.length > 0).length} of ${masks.length} bones found`;
  return drawPicture(work, radiographs, { sample, masks, notes: [`test, ${group}`, found], caption: `${group}: ${found}` });
}
