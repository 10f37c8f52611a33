import { loadClasses } from '@carpal/configs/classes.ts';
import { EXIT } from '@carpal/configs/errors.ts';
import { checkSubmission, type SubmissionCheck } from '@carpal/report/scoring/check-submission.ts';
import { Command } from 'commander';

type Options = { readonly submission: string; readonly images: string; readonly classes: string; readonly json?: boolean };

const SHOWN = 50;

/** `carpal check`: whether a submission is valid for a folder of images. */
export const command = (): Command =>
  new Command()
    .description('Checks that a submission has every row, in order, with masks that fit the images.')
    .requiredOption('--submission <file>', 'the submission')
    .requiredOption('--images <folder>', 'the images of the submission: a folder, or a data set (its test half)')
    .option('--classes <name>', 'list of classes', 'hand-bones')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const check = await checkSubmission(options.submission, options.images, loadClasses(options.classes));
      process.stdout.write(options.json ? `${JSON.stringify(check, null, 2)}\n` : describe(options.submission, check));
      if (!check.valid) process.exitCode = EXIT.data;
    });

function describe(path: string, check: SubmissionCheck): string {
  const counts = `${check.rows} rows, ${check.images} images, ${check.emptyMasks} empty masks`;
  if (check.valid) return `${path} is valid: ${counts}\n`;
  const lines = check.problems.slice(0, SHOWN).map(({ line, what }) => `  ${line === undefined ? path : `${path}:${line}`}: ${what}`);
  const more = check.problems.length > SHOWN ? `  … and ${check.problems.length - SHOWN} more (--json lists them all)\n` : '';
  return `${path} is not valid: ${counts}, ${check.problems.length} ${check.problems.length === 1 ? 'problem' : 'problems'}\n${lines.join('\n')}\n${more}`;
}
