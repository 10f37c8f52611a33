/** carpal's side of the inference cases, in its own process: from an image file to RLE text as `predict` does it. */
import { readFileSync } from 'node:fs';
import { formatRle } from '@carpal/masks/rle-text.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import { fittedSquares } from '@carpal/trainer/infer/image-squares.ts';
import type { Network } from '@carpal/trainer/infer/networks.ts';
import { softVote } from '@carpal/trainer/infer/vote.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { createPredictor } from '@carpal/trainer/step/inference.ts';
import type { InferRequest } from '../cases/infer.ts';
import { measure } from '../harness/measure.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as InferRequest;
const { network: name, size, classes, threshold, images, repetitions } = request;
const thresholds = Array.from({ length: classes }, () => threshold);

/** Logits in the network's layout, channels last. */
function readLogits(path: string): Float32Array {
  const bytes = readFileSync(path);
  const planes = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const pixels = size * size;
  return Float32Array.from(planes, (_, at) => planes[(at % classes) * pixels + Math.floor(at / classes)] as number);
}

const trained = request.logits.map(readLogits);
const model = buildModel({ name, classes, seed: 0 });
const predictor = createPredictor(model);
let current = 0;
/** The network runs, and its answer is replaced by the logits that a trained one could give. */
const network: Omit<Network, 'facts' | 'where' | 'dispose'> = {
  inputSize: size,
  imageSize: size,
  sizeMultiple: model.sizeMultiple,
  predictor: {
    ...predictor,
    run: (pixels, count, side) => {
      const answer = predictor.run(pixels, count, side);
      answer.set(trained[current] as Float32Array);
      return answer;
    },
  },
};

const vote = { networks: [network as Network], viewing: { views: ['identity'] as const, degrees: 0, scale: 0 }, thresholds };

async function predictAll(): Promise<number> {
  let characters = 0;
  let next = readRadiograph(images[0] ?? '');
  for (const index of images.keys()) {
    const image = await next;
    const following = images[index + 1];
    // As `predict` does: a library thread decodes the next image while this one is predicted.
    if (following !== undefined) next = readRadiograph(following);
    current = index;
    for (const mask of await softVote(vote, fittedSquares(image))) characters += formatRle(mask).length;
  }
  return characters;
}

const figure = await measure(images.length, repetitions, predictAll);
process.stdout.write(`${JSON.stringify({ ...figure, peakMb: process.resourceUsage().maxRSS / 1000 })}\n`);
