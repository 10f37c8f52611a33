import { describeModels } from '@carpal/trainer/models/registry.ts';
import { Command } from 'commander';
import { wholeNumber } from './option-values.ts';

/** Columns of numbers, aligned to the right end of their header. */
const NUMBERS = new Set([1, 3]);
const grouped = new Intl.NumberFormat('en');

/** `carpal models`: lists every network with its size. */
export const command = (): Command =>
  new Command()
    .description(
      'Lists the networks: parameters and output shape with default options, and the number that the size must be a multiple of.',
    )
    .option('--classes <n>', 'number of classes', wholeNumber('--classes', 1, 99_999), 29)
    .option('--size <px>', 'side of the image in pixels', wholeNumber('--size', 1, 99_999), 512)
    .option('--json', 'print JSON')
    .action(({ classes, size, json }: { classes: number; size: number; json?: true }) => {
      const models = describeModels(classes, size).map((model) => ({
        ...model,
        outputShape: size % model.sizeMultiple === 0 ? model.outputShape : null,
      }));
      if (json) {
        process.stdout.write(`${JSON.stringify(models, null, 2)}\n`);
        return;
      }
      const rows = models.map((model) => [
        model.name,
        grouped.format(model.parameters),
        model.outputShape?.join('×') ?? `not at ${size}`,
        String(model.sizeMultiple),
        optionWords(model.options),
        model.summary,
      ]);
      const table = [['NAME', 'PARAMETERS', 'OUTPUT', 'MULTIPLE', 'OPTIONS', 'DESCRIPTION'], ...rows];
      const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
      for (const row of table) {
        const cells = row.map((cell, column) =>
          NUMBERS.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        );
        process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
      }
    });

const optionWords = (options: Readonly<Record<string, number | string | boolean>>): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ') || 'none';
