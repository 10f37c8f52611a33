import { type ImportedFile, importWeightsFile } from '@carpal/trainer/models/pretrained/import-file.ts';
import { Command } from 'commander';

type Options = { readonly out: string; readonly part?: string; readonly keepPrefix?: boolean; readonly json?: boolean };

/** `carpal weights import`: published weights for `model.pretrained`. */
export const command = (): Command =>
  new Command()
    .description(
      'Turns weights published for PyTorch (.pth, .pt, .bin or .safetensors) into a safetensors file for model.pretrained.uri, without running anything in them.',
    )
    .argument('<file>', 'the published file')
    .requiredOption('--out <file>', 'the .safetensors file to write')
    .option('--part <name>', 'the dictionary to take if the file has several, such as model_ema')
    .option('--keep-prefix', 'keep the prefix "module." if every key has it')
    .option('--json', 'print JSON')
    .action(async (file: string, { json, ...options }: Options) => {
      const imported = await importWeightsFile(file, options);
      process.stdout.write(json ? `${JSON.stringify(imported, null, 2)}\n` : textOf(imported, options.out));
    });

function textOf({ arrays, values, dropped, sha256 }: ImportedFile, out: string): string {
  const left = dropped.length === 0 ? '' : `; ${dropped.length} entries that are not weights are left out`;
  return `${out}: ${arrays} arrays with ${values.toLocaleString('en')} values${left}\nSHA-256 of the imported file: ${sha256}\n`;
}
