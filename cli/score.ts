import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { type SubmissionScore, scoreSubmission } from '@carpal/report/scoring/score-submission.ts';
import { parseImageSize } from '@carpal/report/scoring/truth-folder.ts';
import { Command } from 'commander';

type Options = {
  readonly truth: string;
  readonly submission: string;
  readonly classes: string;
  readonly size?: string;
  readonly json?: boolean;
  readonly minDice?: number;
};

const WORST_SHOWN = 5;

/** `carpal score`: Dice of a submission against annotations. */
export const command = (): Command =>
  new Command()
    .description('Computes the Dice of a submission overall, per class and for its worst images: the mean over image × class.')
    .requiredOption('--truth <folder>', 'a data set (its truth/ or training half), a folder of annotations, or the folder of one person')
    .requiredOption('--submission <file>', 'the submission')
    .option('--classes <name>', 'list of classes', 'hand-bones')
    .option('--size <size>', 'size of images that are not next to the annotations, as 2048 or 1344x1573')
    .option('--min-dice <dice>', 'exit with 65 if the score is below this value, for scripts', parseDice)
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const classes = loadClasses(options.classes);
      const size = options.size === undefined ? undefined : parseImageSize(options.size);
      const score = await scoreSubmission({ ...options, classes, size });
      process.stdout.write(options.json ? `${JSON.stringify(scoreObject(score), null, 2)}\n` : scoreTable(score));
      for (const warning of score.warnings) process.stderr.write(`warning: ${warning}\n`);
      const { minDice } = options;
      if (minDice === undefined || score.dice >= minDice) return;
      process.stderr.write(`Dice ${score.dice.toFixed(4)} is below --min-dice ${minDice}\n`);
      process.exitCode = EXIT.data;
    });

function parseDice(text: string): number {
  const dice = Number(text);
  if (text.trim() !== '' && dice >= 0 && dice <= 1) return dice;
  throw new CarpalError('usage-invalid', `"${text}" is not a Dice between 0 and 1`, { where: '--min-dice' });
}

function scoreObject({ dice, images, classes, missingClasses, perClass, perImage, warnings }: SubmissionScore): object {
  const byName = Object.fromEntries(classes.map((name, index) => [name, perClass[index]]));
  return { dice, images, perClass: byName, missingClasses, perImage, warnings };
}

function scoreTable(score: SubmissionScore): string {
  const { classes, missingClasses } = score;
  const missing = missingClasses.length === 0 ? '' : `Not scored, because no annotation has them: ${missingClasses.join(', ')}\n`;
  const bars = barChart(classes.map((label, index) => ({ label, value: score.perClass[index] ?? 0 })));
  const worst = score.perImage.slice(0, WORST_SHOWN).map(({ imageName, dice }) => `  ${dice.toFixed(4)}  ${imageName}`);
  return `Dice ${score.dice.toFixed(4)} over ${score.images} images × ${classes.length} classes\n${missing}\n${bars}\nWorst images\n${worst.join('\n')}\n`;
}

type Bar = { readonly label: string; readonly value: number };

const BAR_WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Values between 0 and 1 as text, one line per value: label, value, bar. */
function barChart(bars: readonly Bar[]): string {
  const width = Math.max(0, ...bars.map((bar) => bar.label.length));
  return bars.map((bar) => `  ${bar.label.padEnd(width)}  ${bar.value.toFixed(4)}  ${barOf(bar.value)}\n`).join('');
}

function barOf(value: number): string {
  const eighths = Math.round(Math.min(Math.max(value, 0), 1) * BAR_WIDTH * 8);
  return '█'.repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? '');
}
