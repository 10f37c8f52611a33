import { existsSync, statSync } from 'node:fs';
import { readRunFigures } from '@carpal/artifacts/figures.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { comparisonHtml } from '@carpal/report/html/comparison-html.ts';
import { comparisonJson, comparisonText } from '@carpal/report/html/comparison-text.ts';
import { compareRuns } from '@carpal/report/statistics/compare-runs.ts';
import { Command } from 'commander';

type Options = { readonly json?: true; readonly html?: string };

/** `carpal compare`: compares runs on the images that they share. */
export const command = (): Command =>
  new Command()
    .description('Compares runs with the first one: Dice with intervals over people, paired differences, classes, time and memory.')
    .argument('<run...>', 'two or more: out folders (out/NAME), or folders or s3:// URIs of experiments (…/experiments/NAMESPACE/NAME/UID)')
    .option('--html <file>', 'write a page with curves and the difference of each class')
    .option('--json', 'print JSON')
    .action(compare);

async function compare(places: readonly string[], { json, html }: Options): Promise<void> {
  const comparison = compareRuns(await Promise.all(places.map(open)));
  if (html !== undefined) await writeFileAtomically(html, comparisonHtml(comparison));
  process.stdout.write(json ? `${JSON.stringify(comparisonJson(comparison), null, 2)}\n` : comparisonText(comparison));
}

async function open(place: string): ReturnType<typeof readRunFigures> {
  const isUri = /^[a-z][a-z0-9+.-]*:\/\//i.test(place);
  if (!isUri && !(existsSync(place) && statSync(place).isDirectory())) {
    throw new CarpalError('artifact-missing', 'there is no such folder', {
      where: place,
      fix: 'Give the out folder of a run (out/NAME), or the folder of its experiment in the artifacts.',
    });
  }
  return await readRunFigures(openStore(place), place);
}
