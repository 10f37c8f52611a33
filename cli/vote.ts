import { CarpalError } from '@carpal/configs/errors.ts';
import { parseImageSize } from '@carpal/report/scoring/truth-folder.ts';
import { voteSubmissions } from '@carpal/report/scoring/vote-submissions.ts';
import { Command } from 'commander';

type Options = { readonly out: string; readonly minVotes?: string; readonly size?: string };

/** `carpal vote`: combines several submissions. */
export const command = (): Command =>
  new Command()
    .description('Hard vote: a pixel is kept if enough submissions contain it. Rows are joined by image and class.')
    .argument('<file...>', 'the submissions')
    .requiredOption('--out <file>', 'the submission to write')
    .option('--min-votes <count>', 'number of votes that a pixel needs (default: more than half of the files)')
    .option('--size <size>', 'size of every image, such as 2048 or 1344x1573, to refuse masks outside it')
    .action(async (files: string[], options: Options) => {
      const result = await voteSubmissions({
        files,
        out: options.out,
        ...(options.minVotes === undefined ? {} : { minVotes: voteCount(options.minVotes) }),
        ...(options.size === undefined ? {} : { size: parseImageSize(options.size) }),
      });
      process.stdout.write(
        `${options.out}: ${result.rows} rows of ${result.images} images, at least ${result.minVotes} of ${result.files} votes\n`,
      );
    });

function voteCount(text: string): number {
  const votes = Number(text);
  if (Number.isInteger(votes) && votes >= 1) return votes;
  throw new CarpalError('usage-invalid', `"${text}" is not a number of votes`, {
    where: '--min-votes',
    fix: 'Give a whole number of at least 1.',
  });
}
