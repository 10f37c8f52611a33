import { CarpalError } from '@carpal/configs/errors.ts';
import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { predict } from '@carpal/trainer/infer/predict.ts';
import { Command } from 'commander';

type Options = {
  readonly weights: string[];
  readonly images: string;
  readonly out: string;
  readonly overlays?: string;
  readonly threshold: string;
  readonly tta: string;
  readonly json?: boolean;
};

/** `carpal predict`: masks for new images. */
export const command = (): Command =>
  new Command()
    .description('Masks for new images of any size, 8 or 16 bit, by soft vote over the weights given.')
    .requiredOption('--weights <FILE...>', 'best.safetensors of one fold or of several')
    .requiredOption('--images <DIR>', 'a folder of images, or a data set (its test half)')
    .requiredOption('--out <CSV>', 'the submission to write')
    .option('--overlays <DIR>', 'write the masks over each image as PNG into this folder')
    .option('--threshold <P>', 'probability above which a pixel belongs to a bone', '0.5')
    .option('--tta <VIEWS>', `views to average, with commas: ${TTA_NAMES.join(', ')}`, 'identity,flipHorizontal')
    .option('--json', 'print JSON')
    .action(async ({ weights, images, out, overlays, threshold, tta, json }: Options) => {
      const showsProgress = process.stderr.isTTY === true && json !== true;
      const result = await predict({
        weights,
        images,
        out,
        ...(overlays === undefined ? {} : { overlays }),
        threshold: thresholdOf(threshold),
        views: viewsOf(tta),
        ...(showsProgress ? { onProgress: (done: number, total: number) => process.stderr.write(`\r${done} of ${total} images`) } : {}),
      });
      if (showsProgress) process.stderr.write('\n');
      const rows = result.images * result.classes.length;
      const summary = { out, images: result.images, rows, emptyMasks: result.emptyMasks, ...(overlays === undefined ? {} : { overlays }) };
      const where = overlays === undefined ? '' : `; overlays in ${overlays}`;
      const line = `${out}: ${rows} rows of ${result.images} images, ${result.emptyMasks} masks empty${where}\n`;
      process.stdout.write(json ? `${JSON.stringify(summary, null, 2)}\n` : line);
    });

function thresholdOf(text: string): number {
  const threshold = Number(text);
  if (text.trim() !== '' && threshold > 0 && threshold < 1) return threshold;
  throw new CarpalError('usage-invalid', `"${text}" is no threshold`, {
    where: '--threshold',
    remedy: 'Give a number between 0 and 1, such as 0.5.',
  });
}

function viewsOf(text: string): TtaName[] {
  return text.split(',').map((part) => {
    const view = TTA_NAMES.find((name) => name === part.trim());
    if (view) return view;
    throw new CarpalError('usage-invalid', `there is no view "${part.trim()}"`, { where: '--tta', remedy: `Use ${TTA_NAMES.join(', ')}.` });
  });
}
