import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { scoreSubmission } from '@carpal/report/scoring/score-submission.ts';
import type { Score } from '@carpal/report/scoring/scoring.ts';
import { parseImageSize } from '@carpal/report/scoring/truth-folder.ts';
import { Command } from 'commander';

type Options = {
  readonly truth: string;
  readonly submission: string;
  readonly classes: string;
  readonly size: string;
  readonly json?: boolean;
  readonly minDice?: number;
};

const WORST_SHOWN = 5;

/** `carpal score`: Dice of a submission against annotations. */
export const command = (): Command =>
  new Command()
    .description('Computes the Dice of a submission overall, per class and for its worst images: the mean over image × class.')
    .requiredOption('--truth <folder>', 'folder with outputs_json/<person>/<image>.json, or a data set that has truth/')
    .requiredOption('--submission <file>', 'the submission')
    .option('--classes <name>', 'list of classes', 'hand-bones')
    .option('--size <size>', 'size of images that are not next to the annotations', '2048')
    .option('--min-dice <dice>', 'exit with 65 if the score is below this value, for scripts', parseDice)
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const classes = loadClasses(options.classes);
      const score = await scoreSubmission({ ...options, classes, size: parseImageSize(options.size) });
      process.stdout.write(options.json ? `${JSON.stringify(scoreObject(score, classes), null, 2)}\n` : scoreTable(score, classes));
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

function scoreObject(score: Score, classes: readonly string[]): object {
  const perClass = Object.fromEntries(classes.map((name, index) => [name, score.perClass[index]]));
  return { dice: score.dice, images: score.images, perClass, perImage: score.perImage };
}

function scoreTable(score: Score, classes: readonly string[]): string {
  const bars = barChart(classes.map((label, index) => ({ label, value: score.perClass[index] ?? 0 })));
  const worst = score.perImage.slice(0, WORST_SHOWN).map(({ imageName, dice }) => `  ${dice.toFixed(4)}  ${imageName}`);
  return `Dice ${score.dice.toFixed(4)} over ${score.images} images × ${classes.length} classes\n\n${bars}\nWorst images\n${worst.join('\n')}\n`;
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
