import { readRunFigures } from '@carpal/artifacts/figures.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { openDataset } from '@carpal/report/dataset/open-dataset.ts';
import { writeSuspectOverlays } from '@carpal/report/images/suspect-overlays.ts';
import { type Suspect, suspects } from '@carpal/report/statistics/suspects.ts';
import { Command } from 'commander';
import { wholeNumber } from './option-values.ts';

type Options = { readonly count: number; readonly dataset?: string; readonly overlays?: string; readonly json?: boolean };

/** `carpal data suspects`: annotations that may be wrong. */
export const command = (): Command =>
  new Command()
    .description('Lists annotations whose out-of-fold Dice is unusually low for their bone: the first to look at for wrong labels.')
    .argument('<run>', 'the out folder of a run, or the folder or s3:// URI of an experiment (…/experiments/NAMESPACE/NAME/UID)')
    .option('--count <n>', 'show at most this many', wholeNumber('--count', 1, 100_000), 30)
    .option(
      '--overlays <folder>',
      'draw masks and annotations over their images into this folder; needs --dataset and the folder of an experiment',
    )
    .option('--dataset <uri>', 'the data set of the run')
    .option('--json', 'print JSON')
    .action(async (run: string, { count, dataset, overlays, json }: Options) => {
      if ((dataset === undefined) !== (overlays === undefined))
        throw new CarpalError('usage-invalid', 'overlays need a data set, and a data set is only for overlays', {
          where: '--overlays, --dataset',
          fix: 'Give both or neither.',
        });
      const store = openStore(run);
      const { outOfFold } = await readRunFigures(store, run);
      const { classes, images } = outOfFold;
      const found = suspects(outOfFold);
      const shown = found.slice(0, count);
      process.stdout.write(json ? `${JSON.stringify(jsonOf(found, classes), null, 2)}\n` : textOf(shown, found, classes, images.length));
      if (dataset === undefined || overlays === undefined) return;
      const folder = await openDataset(dataset);
      for (const path of await writeSuspectOverlays({ store, dataset: folder, classes, suspects: shown, folder: overlays })) {
        if (json !== true) process.stdout.write(`${path}\n`);
      }
    });

function jsonOf(found: readonly Suspect[], classes: readonly string[]): object {
  return found.map(({ classIndex, ...suspect }) => ({ ...suspect, class: classes[classIndex] }));
}

function textOf(shown: readonly Suspect[], found: readonly Suspect[], classes: readonly string[], images: number): string {
  const head = `${found.length} of ${images * classes.length} annotations differ unusually from their out-of-fold masks\n`;
  if (shown.length === 0) return head;
  const rows = shown.map(({ imageName, group, fold, classIndex, dice, usual }) => [
    ...[imageName, group, String(fold), classes[classIndex] ?? '', dice.toFixed(4), usual.toFixed(4)],
  ]);
  const lines = [['image', 'person', 'fold', 'bone', 'Dice', 'usual'], ...rows];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const text = lines.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()).join('\n');
  const rest = found.length - shown.length;
  return `${head}\n${text}\n${rest > 0 ? `  … and ${rest} more (--count)\n` : ''}`;
}
