import { join } from 'node:path';
import { checkFolder, writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { stemOf } from '@carpal/report/dataset/image-names.ts';
import { openDataset } from '@carpal/report/dataset/open-dataset.ts';
import { contactSheetPng } from '@carpal/report/images/contact-sheet.ts';
import { pickEvenly } from '@carpal/report/images/pick-images.ts';
import { previewTiles } from '@carpal/trainer/data/preview-image.ts';
import { Command } from 'commander';
import { wholeNumber } from './option-values.ts';

type Options = { experiment: string; out: string; images: number; variants: number; epoch: number };

const COLUMNS = 4;

/** `carpal data preview`: shows some images as training will see them. */
export const command = (): Command =>
  new Command()
    .description(
      'Draws training images as the network sees them in some epochs: augmented, with their outlines, one contact sheet per image.',
    )
    .requiredOption('--experiment <file>', 'the manifest, YAML or JSON')
    .requiredOption('--out <folder>', 'where to write the contact sheets: NAME.preview.png')
    .option('--images <n>', 'number of images, evenly distributed over the training half', wholeNumber('--images', 1, 1000), 4)
    .option('--variants <n>', 'number of epochs to show per image', wholeNumber('--variants', 1, 100), 7)
    .option('--epoch <n>', 'the first of these epochs', wholeNumber('--epoch', 1, 1_000_000), 1)
    .action(async (options: Options) => {
      const { spec } = loadExperiment(options.experiment);
      await checkFolder(options.out);
      const { train } = await discoverDataset(await openDataset(spec.dataset.uri));
      const picked = pickEvenly(train.length, options.images);
      const epochs = Array.from({ length: options.variants }, (_, index) => options.epoch + index);
      const classes = loadClasses(spec.dataset.classes);
      for (const sample of train.filter((_, index) => picked.has(index))) {
        const tiles = await previewTiles(sample, { spec, classes, epochs });
        const path = join(options.out, `${stemOf(sample.imageName)}.preview.png`);
        await writeFileAtomically(path, await contactSheetPng(`${sample.group} ${sample.imageName}`, tiles, COLUMNS));
        process.stdout.write(`${path}\n`);
      }
    });
