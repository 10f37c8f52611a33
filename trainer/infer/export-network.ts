import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withWriteErrors } from '@carpal/configs/file-errors.ts';
import { frozenForward } from '../step/frozen-forward.ts';
import { openModel, readWeightsFile, type TrainedModel } from './networks.ts';

export type ExportOptions = {
  /** A safetensors file of a trained fold. */
  readonly weights: string;
  /** The folder to write. */
  readonly out: string;
  /** The number of images in a batch, fixed in the file. */
  readonly batch: number;
  /** The side of the images in pixels, fixed in the file. Omitted: the size that the network was trained at. */
  readonly size?: number;
};

/** What a program needs to use an exported network. */
export type ExportedNetwork = {
  readonly parameters: number;
  readonly shapes: { readonly images: readonly number[]; readonly logits: readonly number[] };
};

/** A protocol buffer cannot be larger than 2 GiB; the rest is for the nodes. */
const LARGEST_WEIGHTS = 1.9 * 2 ** 30;

/**
 * Writes a trained network as a TensorFlow SavedModel: `saved_model.pb` with the weights in it, and `carpal.json` with the classes and how
 * images are prepared. The signature `serving_default` maps `images` `[batch, size, size, 1]` to `logits` `[batch, size, size, classes]`.
 * Throws what openModel throws, and usage-invalid for a size that the network does not accept or weights that do not fit into one file.
 */
export async function exportNetwork({ weights, out, batch, size }: ExportOptions): Promise<ExportedNetwork> {
  const { facts, model } = openModel(await readWeightsFile(weights), weights);
  try {
    const side = size ?? facts.inputSize;
    if (side % model.sizeMultiple !== 0) {
      const fix = `Give a multiple of ${model.sizeMultiple}.`;
      throw new CarpalError('usage-invalid', `${facts.model} accepts no images of ${side} px`, { where: '--size', fix });
    }
    if (4 * model.parameterCount > LARGEST_WEIGHTS) {
      throw new CarpalError('usage-invalid', 'the weights are larger than a SavedModel without variables can hold', { where: '--weights' });
    }
    const bytes = frozenForward(model, { count: batch, size: side });
    const shapes = { images: [batch, side, side, 1], logits: [batch, side, side, facts.classes.length] };
    await withWriteErrors(out, () => mkdir(out, { recursive: true }));
    await writeFileAtomically(join(out, 'carpal.json'), descriptionText(facts, shapes));
    await writeFileAtomically(join(out, 'saved_model.pb'), bytes);
    return { parameters: model.parameterCount, shapes };
  } finally {
    model.dispose();
  }
}

function descriptionText(facts: TrainedModel['facts'], shapes: object): string {
  return `${JSON.stringify({ ...facts, signature: 'serving_default', shapes }, null, 2)}\n`;
}
