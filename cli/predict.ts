import { CarpalError } from '@carpal/configs/errors.ts';
import { type PredictOptions, predict } from '@carpal/trainer/infer/predict.ts';
import { checkPredictionFits } from '@carpal/trainer/memory/check-prediction.ts';
import { readMemoryLimit } from '@carpal/trainer/memory/process-memory.ts';
import { Command, Option } from 'commander';
import { weightsChoice } from './option-values.ts';
import { addViewingOptions, type ViewingOptions, viewingOfOptions } from './viewing-options.ts';

type Options = ViewingOptions & {
  readonly weights: string[];
  readonly images: string;
  readonly out: string;
  readonly method: PredictOptions['method'];
  readonly overlays?: string;
  readonly threshold?: string;
  readonly thresholds?: string;
  readonly json?: boolean;
};

/** `carpal predict`: masks for new images. */
export const command = (): Command =>
  addViewingOptions(
    new Command()
      .description(
        'Makes masks for new images (PNG, JPEG, TIFF or DICOM of any size, 8 to 16 bits) by combining networks of any architecture and input size.',
      )
      .requiredOption('--weights <path...>', 'best.safetensors files, or folders of experiments for all their folds; path=2 counts twice')
      .requiredOption('--images <folder>', 'a folder of images, or a data set (its test half)')
      .requiredOption('--out <file>', 'the submission to write')
      .addOption(
        new Option('--method <method>', 'soft: average the networks; hard: more than half of the weight must contain the pixel')
          .choices(['soft', 'hard'])
          .default('soft'),
      )
      .option('--overlays <folder>', 'write the masks drawn over each image into this folder, as PNG')
      .option('--threshold <probability>', 'probability above which a pixel belongs to a bone (default: 0.5)')
      .option('--thresholds <file>', "an ensemble's thresholds.json: threshold and cleaning for each class"),
  )
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const { weights, images, out, method, overlays, json } = options;
      const showsProgress = process.stderr.isTTY === true && json !== true;
      const limit = await readMemoryLimit();
      const result = await predict({
        weights: weights.map(weightsChoice),
        method,
        images,
        out,
        ...(overlays === undefined ? {} : { overlays }),
        thresholds: thresholdsOf(options),
        viewing: viewingOfOptions(options),
        checkMemory: (networks, viewing) => checkPredictionFits(networks, viewing, limit),
        ...(showsProgress ? { onProgress: (done: number, total: number) => process.stderr.write(`\r${done} of ${total} images`) } : {}),
      });
      if (showsProgress) process.stderr.write('\n');
      const rows = result.images * result.classes.length;
      const summary = { out, images: result.images, rows, emptyMasks: result.emptyMasks, ...(overlays === undefined ? {} : { overlays }) };
      const where = overlays === undefined ? '' : `; overlays in ${overlays}`;
      const line = `${out}: ${rows} rows of ${result.images} images, ${result.emptyMasks} masks empty${where}\n`;
      process.stdout.write(json ? `${JSON.stringify(summary, null, 2)}\n` : line);
    });

/** One threshold for all classes, or the file with one per class. */
function thresholdsOf({ threshold, thresholds }: Options): number | string {
  if (threshold === undefined) return thresholds ?? 0.5;
  if (thresholds !== undefined) {
    const fix = 'Give only one of the two.';
    throw new CarpalError('usage-invalid', 'the file already has a threshold for each class', {
      where: '--threshold, --thresholds',
      fix,
    });
  }
  const value = Number(threshold);
  if (threshold.trim() !== '' && value > 0 && value < 1) return value;
  throw new CarpalError('usage-invalid', `"${threshold}" is not a threshold`, {
    where: '--threshold',
    fix: 'Give a number between 0 and 1, such as 0.5.',
  });
}
