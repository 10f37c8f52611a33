import { loadClasses } from '@carpal/configs/classes.ts';
import { EXIT } from '@carpal/configs/errors.ts';
import { inspectDataset } from '@carpal/report/dataset/inspect.ts';
import { inspectionText } from '@carpal/report/dataset/inspection-text.ts';
import { Command } from 'commander';
import { progressLine } from './progress-line.ts';

/** `carpal data inspect`: statistics and defects of a data set. Exits with the code for bad data if a defect would stop training. */
export const command = (): Command =>
  new Command()
    .description('Reads every image and annotation of a data set; shows statistics, and every defect with its path.')
    .argument('<folder>', 'the data set: train/DCM, train/outputs_json, test/DCM')
    .option('--classes <name>', 'the class list', 'hand-bones')
    .option('--json', 'print everything as JSON')
    .action(async (folder: string, options: { classes: string; json?: boolean }) => {
      const draw = process.stderr.isTTY ? progressLine('inspect', process.stderr, Date.now) : undefined;
      const inspection = await inspectDataset(folder, loadClasses(options.classes), draw ? { onProgress: draw } : {});
      process.stdout.write(options.json ? `${JSON.stringify(inspection, null, 2)}\n` : inspectionText(inspection));
      if (inspection.defects.some(({ stops }) => stops)) process.exitCode = EXIT.data;
    });
