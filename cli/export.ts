import { exportNetwork } from '@carpal/trainer/infer/export-network.ts';
import { Command, Option } from 'commander';
import { wholeNumber } from './option-values.ts';

type Options = { readonly weights: string; readonly out: string; readonly batch: number; readonly size?: number; readonly json?: boolean };

/** `carpal export`: a trained network for other programs. */
export const command = (): Command =>
  new Command()
    .description('Writes a trained network as a TensorFlow SavedModel, for other programs. docs/export.md shows how to make ONNX of it.')
    .requiredOption('--weights <file>', 'the best.safetensors file of a fold')
    .requiredOption('--out <folder>', 'the folder to write')
    .addOption(new Option('--format <format>', 'the format of the files').choices(['savedmodel']).default('savedmodel'))
    .option('--batch <count>', 'images in a batch', wholeNumber('--batch', 1, 256), 1)
    .option('--size <pixels>', 'side of the images (default: the size that the network was trained at)', wholeNumber('--size', 32, 4096))
    .option('--json', 'print JSON')
    .action(async ({ json, ...options }: Options) => {
      const { parameters, shapes } = await exportNetwork(options);
      const { out } = options;
      const text = `${out}: ${parameters.toLocaleString('en')} parameters; images [${shapes.images.join(', ')}] in 0..1 to logits [${shapes.logits.join(', ')}]\n`;
      process.stdout.write(json ? `${JSON.stringify({ out, parameters, ...shapes }, null, 2)}\n` : text);
    });
